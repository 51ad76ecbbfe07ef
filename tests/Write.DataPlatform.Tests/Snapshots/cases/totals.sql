-- DuckDb: visits [2024-01-01, 2024-07-01)
SELECT t0."dim_country" AS "visit__country", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "l0_bounce_count__sum", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "is_bounce" AS "value_bounce_count", (1) AS "value_visit_rows", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-07-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-06-30'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-01-01, 2024-07-01)
SELECT t0."dim_country" AS "visit__country", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "l0_bounce_count__sum", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "is_bounce" AS "value_bounce_count", (1) AS "value_visit_rows", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-07-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-06-30'
) AS t0
GROUP BY 1;

