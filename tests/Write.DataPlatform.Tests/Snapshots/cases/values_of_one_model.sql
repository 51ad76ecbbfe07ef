-- DuckDb: shows […, …)
SELECT CAST(date_trunc('year', CAST(t0."dim_released_on" AS DATE)) AS DATE) AS "show__released_on__year", t0."dim_rating" AS "show__rating"
FROM (
  SELECT "rating" AS "dim_rating", "released_on" AS "dim_released_on"
  FROM "shows" AS s
) AS t0
GROUP BY 1, 2;

-- Athena: shows […, …)
SELECT CAST(date_trunc('year', CAST(t0."dim_released_on" AS DATE)) AS DATE) AS "show__released_on__year", t0."dim_rating" AS "show__rating"
FROM (
  SELECT "rating" AS "dim_rating", "released_on" AS "dim_released_on"
  FROM "shows" AS s
) AS t0
GROUP BY 1, 2;

