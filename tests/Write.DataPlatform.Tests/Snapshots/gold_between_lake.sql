-- lake: visits [2026-02-15, 2026-03-01)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-03-29 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) END) AS DATE) AS "metric_time__month", k0."value" AS "visit__country__region", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_count__count", sum(t0."value_visit_seconds") AS "l0_visit_seconds__sum", sum(CASE WHEN t0."value_visit_seconds" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_seconds__count"
FROM (
  SELECT "country" AS "dim_country", "occurred_at" AS "dim_occurred_at", "visit_id" AS "value_visit_count", "duration_seconds" AS "value_visit_seconds"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-02-14 23:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-02-28 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-02-01' AND CAST("month" AS DATE) <= DATE '2026-02-28'
) AS t0
LEFT JOIN (VALUES ('AT', 'Central Europe'), ('AU', 'Oceania'), ('BE', 'Western Europe'), ('BR', 'Latin America'), ('CA', 'North America'), ('CH', 'Central Europe'), ('CI', 'Africa'), ('CZ', 'Central Europe'), ('DE', 'Central Europe'), ('DK', 'Northern Europe'), ('ES', 'Southern Europe'), ('FR', 'Western Europe'), ('GB', 'Western Europe'), ('IN', 'Asia'), ('IT', 'Southern Europe'), ('JP', 'Asia'), ('MX', 'Latin America'), ('NL', 'Western Europe'), ('NO', 'Northern Europe'), ('PL', 'Central Europe'), ('PT', 'Southern Europe'), ('SE', 'Northern Europe'), ('TR', 'Asia'), ('US', 'North America'), ('ZA', 'Africa')) AS k0("key", "value") ON CAST(t0."dim_country" AS VARCHAR) = k0."key"
GROUP BY 1, 2;

-- lake: visits [2026-07-01, 2026-07-02)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-03-29 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) END) AS DATE) AS "metric_time__month", k0."value" AS "visit__country__region", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_count__count", sum(t0."value_visit_seconds") AS "l0_visit_seconds__sum", sum(CASE WHEN t0."value_visit_seconds" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_seconds__count"
FROM (
  SELECT "country" AS "dim_country", "occurred_at" AS "dim_occurred_at", "visit_id" AS "value_visit_count", "duration_seconds" AS "value_visit_seconds"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-06-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-07-01 22:00:00' AND CAST("month" AS DATE) >= DATE '2026-06-01' AND CAST("month" AS DATE) <= DATE '2026-07-01'
) AS t0
LEFT JOIN (VALUES ('AT', 'Central Europe'), ('AU', 'Oceania'), ('BE', 'Western Europe'), ('BR', 'Latin America'), ('CA', 'North America'), ('CH', 'Central Europe'), ('CI', 'Africa'), ('CZ', 'Central Europe'), ('DE', 'Central Europe'), ('DK', 'Northern Europe'), ('ES', 'Southern Europe'), ('FR', 'Western Europe'), ('GB', 'Western Europe'), ('IN', 'Asia'), ('IT', 'Southern Europe'), ('JP', 'Asia'), ('MX', 'Latin America'), ('NL', 'Western Europe'), ('NO', 'Northern Europe'), ('PL', 'Central Europe'), ('PT', 'Southern Europe'), ('SE', 'Northern Europe'), ('TR', 'Asia'), ('US', 'North America'), ('ZA', 'Africa')) AS k0("key", "value") ON CAST(t0."dim_country" AS VARCHAR) = k0."key"
GROUP BY 1, 2;

-- finish
WITH pieces AS (
SELECT "metric_time__month", "visit__country__region", "l0_visit_count__count", "l0_visit_seconds__sum", "l0_visit_seconds__count" FROM lake_0_0
UNION ALL BY NAME
SELECT "metric_time__month", "visit__country__region", "l0_visit_count__count", "l0_visit_seconds__sum", "l0_visit_seconds__count" FROM lake_0_2
UNION ALL BY NAME
SELECT CAST(date_trunc('month', CAST(g."bucket" AS DATE)) AS DATE) AS "metric_time__month", g."visit__country__region", sum(g."visit_count__count") AS "l0_visit_count__count", sum(g."visit_seconds__sum") AS "l0_visit_seconds__sum", sum(g."visit_seconds__count") AS "l0_visit_seconds__count"
FROM visits_daily AS g
WHERE CAST(g."bucket" AS DATE) >= DATE '2026-03-01' AND CAST(g."bucket" AS DATE) < DATE '2026-07-01' AND g."visits__rows" IS NOT NULL
GROUP BY 1, 2
), merged AS (
SELECT "metric_time__month", "visit__country__region", sum("l0_visit_count__count") AS "l0_visit_count__count", sum("l0_visit_seconds__sum") AS "l0_visit_seconds__sum", sum("l0_visit_seconds__count") AS "l0_visit_seconds__count"
FROM pieces
GROUP BY 1, 2
), valued AS (
SELECT "metric_time__month", "visit__country__region", "l0_visit_count__count" AS "visits", (CAST("l0_visit_seconds__sum" AS DOUBLE) / NULLIF("l0_visit_seconds__count", 0)) AS "average_visit_seconds"
FROM merged
), answer AS (
SELECT "metric_time__month", "visit__country__region", "visits", "average_visit_seconds"
FROM valued
)
SELECT * FROM answer
ORDER BY "metric_time__month" ASC NULLS LAST, "visit__country__region" ASC NULLS LAST;

