-- lake: visits [2025-12-01, 2026-12-01)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-03-29 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_count__count", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "l0_bounce_count__sum"
FROM (
  SELECT "occurred_at" AS "dim_occurred_at", "is_bounce" AS "value_bounce_count", "visit_id" AS "value_visit_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2025-11-30 23:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-11-30 23:00:00' AND CAST("month" AS DATE) >= DATE '2025-11-01' AND CAST("month" AS DATE) <= DATE '2026-11-30'
) AS t0
GROUP BY 1;

-- lake: visits [2024-12-01, 2025-12-01)
SELECT CAST(date_trunc('month', (CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2025-03-30 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2025-10-26 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END + INTERVAL (1) YEAR)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_count__count", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "l1_bounce_count__sum"
FROM (
  SELECT "occurred_at" AS "dim_occurred_at", "is_bounce" AS "value_bounce_count", "visit_id" AS "value_visit_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2024-11-30 23:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2025-11-30 23:00:00' AND CAST("month" AS DATE) >= DATE '2024-11-01' AND CAST("month" AS DATE) <= DATE '2025-11-30'
) AS t0
GROUP BY 1;

-- finish
WITH pieces AS (
SELECT "metric_time__month", "l0_visit_count__count", "l0_bounce_count__sum" FROM lake_0_0
UNION ALL BY NAME
SELECT "metric_time__month", "l1_visit_count__count", "l1_bounce_count__sum" FROM lake_1_0
), merged AS (
SELECT "metric_time__month", sum("l0_visit_count__count") AS "l0_visit_count__count", sum("l0_bounce_count__sum") AS "l0_bounce_count__sum", sum("l1_visit_count__count") AS "l1_visit_count__count", sum("l1_bounce_count__sum") AS "l1_bounce_count__sum"
FROM pieces
GROUP BY 1
), valued AS (
SELECT "metric_time__month", "l0_visit_count__count" AS "visits", "l1_visit_count__count" AS "visits__previous", (CAST("l0_bounce_count__sum" AS DOUBLE) / NULLIF(CAST("l0_visit_count__count" AS DOUBLE), 0)) AS "bounce_rate", (CAST("l1_bounce_count__sum" AS DOUBLE) / NULLIF(CAST("l1_visit_count__count" AS DOUBLE), 0)) AS "bounce_rate__previous"
FROM merged
), answer AS (
SELECT "metric_time__month", "visits", "visits__previous", "visits" - "visits__previous" AS "visits__delta", CAST("visits" - "visits__previous" AS DOUBLE) / NULLIF(CAST("visits__previous" AS DOUBLE), 0) AS "visits__ratio", "bounce_rate", "bounce_rate__previous", "bounce_rate" - "bounce_rate__previous" AS "bounce_rate__delta", CAST("bounce_rate" - "bounce_rate__previous" AS DOUBLE) / NULLIF(CAST("bounce_rate__previous" AS DOUBLE), 0) AS "bounce_rate__ratio"
FROM valued
)
SELECT * FROM answer
ORDER BY "metric_time__month" ASC NULLS LAST;

-- totals
WITH pieces AS (
SELECT "l0_visit_count__count", "l0_bounce_count__sum" FROM lake_0_0
UNION ALL BY NAME
SELECT "l1_visit_count__count", "l1_bounce_count__sum" FROM lake_1_0
), merged AS (
SELECT sum("l0_visit_count__count") AS "l0_visit_count__count", sum("l0_bounce_count__sum") AS "l0_bounce_count__sum", sum("l1_visit_count__count") AS "l1_visit_count__count", sum("l1_bounce_count__sum") AS "l1_bounce_count__sum"
FROM pieces
), valued AS (
SELECT "l0_visit_count__count" AS "visits", "l1_visit_count__count" AS "visits__previous", (CAST("l0_bounce_count__sum" AS DOUBLE) / NULLIF(CAST("l0_visit_count__count" AS DOUBLE), 0)) AS "bounce_rate", (CAST("l1_bounce_count__sum" AS DOUBLE) / NULLIF(CAST("l1_visit_count__count" AS DOUBLE), 0)) AS "bounce_rate__previous"
FROM merged
), answer AS (
SELECT "visits", "visits__previous", "visits" - "visits__previous" AS "visits__delta", CAST("visits" - "visits__previous" AS DOUBLE) / NULLIF(CAST("visits__previous" AS DOUBLE), 0) AS "visits__ratio", "bounce_rate", "bounce_rate__previous", "bounce_rate" - "bounce_rate__previous" AS "bounce_rate__delta", CAST("bounce_rate" - "bounce_rate__previous" AS DOUBLE) / NULLIF(CAST("bounce_rate__previous" AS DOUBLE), 0) AS "bounce_rate__ratio"
FROM valued
)
SELECT * FROM answer;

