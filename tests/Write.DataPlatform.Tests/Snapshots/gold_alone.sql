-- finish
WITH pieces AS (
SELECT CAST(g."bucket" AS DATE) AS "metric_time__day", sum(g."visit_count__count") AS "l0_visit_count__count", sum(g."page_view_count__count") AS "l1_page_view_count__count"
FROM visits_daily AS g
WHERE CAST(g."bucket" AS DATE) >= DATE '2026-03-10' AND CAST(g."bucket" AS DATE) < DATE '2026-07-01' AND g."visit__country" IN ($1) AND (g."visits__rows" IS NOT NULL OR g."page_views__rows" IS NOT NULL)
GROUP BY 1
), merged AS (
SELECT "metric_time__day", "l0_visit_count__count", "l1_page_view_count__count"
FROM pieces
), valued AS (
SELECT "metric_time__day", "l0_visit_count__count" AS "visits", (CAST("l1_page_view_count__count" AS DOUBLE) / NULLIF(CAST("l0_visit_count__count" AS DOUBLE), 0)) AS "pages_per_visit"
FROM merged
), answer AS (
SELECT "metric_time__day", "visits", "pages_per_visit"
FROM valued
)
SELECT * FROM answer
ORDER BY "metric_time__day" ASC NULLS LAST;
-- $1 = DE

