-- DuckDb: visits […, …)
SELECT t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1, 2;

-- DuckDb: visits […, …)
SELECT t0."dim_country" AS "visit__country", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value"
FROM (
  SELECT "country" AS "dim_country", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1;

-- Athena: visits […, …)
SELECT t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1, 2;

-- Athena: visits […, …)
SELECT t0."dim_country" AS "visit__country", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value"
FROM (
  SELECT "country" AS "dim_country", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1;

