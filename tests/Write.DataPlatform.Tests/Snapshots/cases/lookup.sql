-- DuckDb: visits […, …)
SELECT k0."value" AS "visit__country__region", k1."value" AS "visit__show__genre", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "show_id" AS "key_show", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (VALUES ('DE', 'Europa'), ('FR', NULL), ('JP', 'Азия'), ('É', 'Europa')) AS k0("key", "value") ON CAST(t0."dim_country" AS VARCHAR) = k0."key"
LEFT JOIN (VALUES ('1', 'drama'), ('2', 'news'), ('4', 'Krimi „live“'), ('77', 'drama')) AS k1("key", "value") ON CAST(t0."key_show" AS VARCHAR) = k1."key"
GROUP BY 1, 2;

-- Athena: visits […, …)
SELECT k0."value" AS "visit__country__region", k1."value" AS "visit__show__genre", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "show_id" AS "key_show", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (VALUES ('DE', 'Europa'), ('FR', CAST(NULL AS VARCHAR)), ('JP', 'Азия'), ('É', 'Europa')) AS k0("key", "value") ON CAST(t0."dim_country" AS VARCHAR) = k0."key"
LEFT JOIN (VALUES ('1', 'drama'), ('2', 'news'), ('4', 'Krimi „live“'), ('77', 'drama')) AS k1("key", "value") ON CAST(t0."key_show" AS VARCHAR) = k1."key"
GROUP BY 1, 2;

