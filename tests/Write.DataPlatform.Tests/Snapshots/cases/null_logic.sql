-- DuckDb: visits […, …)
SELECT t0."dim_device" AS "visit__device", t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "is_bounce" AS "dim_is_bounce", "score" AS "dim_score", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE (NOT (t0."dim_device" IN ($1)) AND ((t0."dim_country" IN ($2) OR t0."dim_country" IS NULL) OR NOT ((contains(CAST(t0."dim_country" AS VARCHAR), $3) OR contains(CAST(t0."dim_country" AS VARCHAR), $4)))) AND NOT ((t0."dim_score" > 3 AND t0."dim_is_bounce" IN (TRUE))))
GROUP BY 1, 2;
-- $1 = tv
-- $2 = DE
-- $3 = J
-- $4 = 日

-- Athena: visits […, …)
SELECT t0."dim_device" AS "visit__device", t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "is_bounce" AS "dim_is_bounce", "score" AS "dim_score", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE (NOT (t0."dim_device" IN ('tv')) AND ((t0."dim_country" IN ('DE') OR t0."dim_country" IS NULL) OR NOT ((strpos(CAST(t0."dim_country" AS VARCHAR), 'J') > 0 OR strpos(CAST(t0."dim_country" AS VARCHAR), '日') > 0))) AND NOT ((t0."dim_score" > 3 AND t0."dim_is_bounce" IN (TRUE))))
GROUP BY 1, 2;

