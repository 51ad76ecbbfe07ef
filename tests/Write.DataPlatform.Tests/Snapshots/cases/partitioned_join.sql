-- DuckDb: airings […, …)
SELECT t1."dim_heading" AS "program__heading", sum(CASE WHEN t0."value_airing_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_airing_rows__count"
FROM (
  SELECT "device" AS "dim_store", "show_id" AS "key_program", (1) AS "value_airing_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT "title" AS "dim_heading", (CASE WHEN rating > 3 THEN 'mobile' ELSE 'desktop' END) AS "dim_store", "id" AS "key_program"
  FROM "shows" AS s
) AS t1 ON (t0."key_program" = t1."key_program" AND t0."dim_store" = t1."dim_store")
GROUP BY 1;

-- Athena: airings […, …)
SELECT t1."dim_heading" AS "program__heading", sum(CASE WHEN t0."value_airing_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_airing_rows__count"
FROM (
  SELECT "device" AS "dim_store", "show_id" AS "key_program", (1) AS "value_airing_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT "title" AS "dim_heading", (CASE WHEN rating > 3 THEN 'mobile' ELSE 'desktop' END) AS "dim_store", "id" AS "key_program"
  FROM "shows" AS s
) AS t1 ON (t0."key_program" = t1."key_program" AND t0."dim_store" = t1."dim_store")
GROUP BY 1;

