-- DuckDb: shows […, …)
SELECT t1."dim_name" AS "studio__name"
FROM (
  SELECT "rating" AS "dim_rating", "title" AS "dim_title", "studio_id" AS "key_studio"
  FROM "shows" AS s
) AS t0
FULL JOIN (
  SELECT "name" AS "dim_name", "studio_id" AS "key_studio"
  FROM "studios" AS s
) AS t1 ON t0."key_studio" = t1."key_studio"
WHERE (t0."dim_rating" >= 2 AND t0."dim_title" IS NOT NULL)
GROUP BY 1;

-- Athena: shows […, …)
SELECT t1."dim_name" AS "studio__name"
FROM (
  SELECT "rating" AS "dim_rating", "title" AS "dim_title", "studio_id" AS "key_studio"
  FROM "shows" AS s
) AS t0
FULL JOIN (
  SELECT "name" AS "dim_name", "studio_id" AS "key_studio"
  FROM "studios" AS s
) AS t1 ON t0."key_studio" = t1."key_studio"
WHERE (t0."dim_rating" >= 2 AND t0."dim_title" IS NOT NULL)
GROUP BY 1;

