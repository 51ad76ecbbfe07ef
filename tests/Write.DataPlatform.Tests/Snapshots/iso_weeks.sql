-- lake: visits [2026-09-07, 2026-10-05)
SELECT CAST(date_trunc('week', (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND)) AS DATE) AS "metric_time__week", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_count__count"
FROM (
  SELECT "occurred_at" AS "dim_occurred_at", "visit_id" AS "value_visit_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-06 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-04 22:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-04'
) AS t0
GROUP BY 1;

-- lake: visits [2025-09-08, 2025-10-06)
SELECT CAST(date_trunc('week', ((CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) + to_days(CAST(7 * CASE WHEN week((CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND)) = 53 THEN 52 ELSE week(make_date(isoyear((CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND)), 12, 28)) END AS INTEGER)))) AS DATE) AS "metric_time__week", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_count__count"
FROM (
  SELECT "occurred_at" AS "dim_occurred_at", "visit_id" AS "value_visit_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2025-09-07 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2025-10-05 22:00:00' AND CAST("month" AS DATE) >= DATE '2025-09-01' AND CAST("month" AS DATE) <= DATE '2025-10-05'
) AS t0
GROUP BY 1;

-- finish
WITH pieces AS (
SELECT "metric_time__week", "l0_visit_count__count" FROM lake_0_0
UNION ALL BY NAME
SELECT "metric_time__week", "l1_visit_count__count" FROM lake_1_0
), merged AS (
SELECT "metric_time__week", sum("l0_visit_count__count") AS "l0_visit_count__count", sum("l1_visit_count__count") AS "l1_visit_count__count"
FROM pieces
GROUP BY 1
), valued AS (
SELECT "metric_time__week", "l0_visit_count__count" AS "visits", "l1_visit_count__count" AS "visits__previous"
FROM merged
), answer AS (
SELECT "metric_time__week", "visits", "visits__previous", "visits" - "visits__previous" AS "visits__delta", CAST("visits" - "visits__previous" AS DOUBLE) / NULLIF(CAST("visits__previous" AS DOUBLE), 0) AS "visits__ratio"
FROM valued
)
SELECT * FROM answer
ORDER BY "metric_time__week" ASC NULLS LAST;

