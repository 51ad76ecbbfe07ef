-- DuckDb: shows […, …)
SELECT t0."dim_title" AS "show__title", t1."dim_name" AS "studio__name"
FROM (
  SELECT "title" AS "dim_title", "studio_id" AS "key_studio"
  FROM "shows" AS s
) AS t0
FULL JOIN (
  SELECT "name" AS "dim_name", "studio_id" AS "key_studio"
  FROM "studios" AS s
) AS t1 ON t0."key_studio" = t1."key_studio"
GROUP BY 1, 2;

-- Athena: shows […, …)
SELECT t0."dim_title" AS "show__title", t1."dim_name" AS "studio__name"
FROM (
  SELECT "title" AS "dim_title", "studio_id" AS "key_studio"
  FROM "shows" AS s
) AS t0
FULL JOIN (
  SELECT "name" AS "dim_name", "studio_id" AS "key_studio"
  FROM "studios" AS s
) AS t1 ON t0."key_studio" = t1."key_studio"
GROUP BY 1, 2;

