-- DuckDb: visits [2023-01-01, 2025-01-01)
SELECT t0."dim_country" AS "visit__country", sum(CASE WHEN (t0."dim_score" >= 1 AND t0."dim_is_bounce" IN (TRUE)) THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_visit_rows__count__dde5d66f2e293dcd", sum(CASE WHEN (t0."dim_score" >= 1 AND t0."dim_device" NOT IN ($1)) THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_visit_rows__count__2c29be541f8f3b9d"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "is_bounce" AS "dim_is_bounce", "score" AS "dim_score", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
WHERE ((t0."dim_score" >= 1 AND t0."dim_is_bounce" IN (TRUE)) OR (t0."dim_score" >= 1 AND t0."dim_device" NOT IN ($2)))
GROUP BY 1;
-- $1 = tv
-- $2 = tv

-- Athena: visits [2023-01-01, 2025-01-01)
SELECT t0."dim_country" AS "visit__country", sum(CASE WHEN (t0."dim_score" >= 1 AND t0."dim_is_bounce" IN (TRUE)) THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_visit_rows__count__dde5d66f2e293dcd", sum(CASE WHEN (t0."dim_score" >= 1 AND t0."dim_device" NOT IN ('tv')) THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_visit_rows__count__2c29be541f8f3b9d"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "is_bounce" AS "dim_is_bounce", "score" AS "dim_score", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
WHERE ((t0."dim_score" >= 1 AND t0."dim_is_bounce" IN (TRUE)) OR (t0."dim_score" >= 1 AND t0."dim_device" NOT IN ('tv')))
GROUP BY 1;

