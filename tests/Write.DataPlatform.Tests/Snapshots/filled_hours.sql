-- lake: page_views [2026-10-25, 2026-10-26)
SELECT date_trunc('hour', CAST(t0."dim_occurred_at" AS TIMESTAMP)) AS "metric_time__hour", sum(CASE WHEN t0."value_page_view_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_page_view_count__count"
FROM (
  SELECT "occurred_at" AS "dim_occurred_at", "page_view_id" AS "value_page_view_count"
  FROM "page_views" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-10-24 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-10-01' AND CAST("month" AS DATE) <= DATE '2026-10-25'
) AS t0
GROUP BY 1;

-- finish
WITH pieces AS (
SELECT "metric_time__hour", "l0_page_view_count__count" FROM lake_0_0
), merged AS (
SELECT "metric_time__hour", sum("l0_page_view_count__count") AS "l0_page_view_count__count"
FROM pieces
GROUP BY 1
), filled AS (
SELECT spine."metric_time__hour", "l0_page_view_count__count"
FROM (SELECT u AS "metric_time__hour" FROM (SELECT unnest(range(CAST(TIMESTAMP '2026-10-24 22:00:00' AS TIMESTAMP), CAST(TIMESTAMP '2026-10-25 23:00:00' AS TIMESTAMP), INTERVAL 1 HOUR)) AS u) AS m) AS spine
LEFT JOIN merged ON merged."metric_time__hour" = spine."metric_time__hour"
), valued AS (
SELECT "metric_time__hour", coalesce("l0_page_view_count__count", 0) AS "page_views"
FROM filled
), answer AS (
SELECT "metric_time__hour", "page_views"
FROM valued
)
SELECT * FROM answer
ORDER BY "metric_time__hour" ASC NULLS LAST;

