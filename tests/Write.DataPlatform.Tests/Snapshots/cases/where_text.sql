-- DuckDb: visits […, …)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "score" AS "dim_score", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE ((t0."dim_device" IN ($1, $2) OR t0."dim_device" IS NULL) AND NOT ((t0."dim_score" >= 2 AND t0."dim_score" <= 3)) AND CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) >= DATE '2023-06-15' AND t0."dim_country" NOT IN ($3))
GROUP BY 1, 2;
-- $1 = mobile
-- $2 = tv
-- $3 = JP

-- Athena: visits […, …)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "score" AS "dim_score", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE ((t0."dim_device" IN ('mobile', 'tv') OR t0."dim_device" IS NULL) AND NOT ((t0."dim_score" >= 2 AND t0."dim_score" <= 3)) AND CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) >= DATE '2023-06-15' AND t0."dim_country" NOT IN ('JP'))
GROUP BY 1, 2;

