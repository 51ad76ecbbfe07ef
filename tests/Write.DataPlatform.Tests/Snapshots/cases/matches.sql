-- DuckDb: visits […, …)
SELECT t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE regexp_matches(CAST(t0."dim_country" AS VARCHAR), $1)
GROUP BY 1;
-- $1 = ^(D|F).$

-- Athena: visits […, …)
SELECT t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE regexp_like(CAST(t0."dim_country" AS VARCHAR), '\A(D|F)[^\n]\z')
GROUP BY 1;

