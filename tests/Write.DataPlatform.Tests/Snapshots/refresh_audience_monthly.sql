-- lake
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END) AS DATE) AS "bucket", t0."dim_country" AS "visit__country", sum(1) AS "visits__rows", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "visitor_count__value", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "visit_count__count", max(CAST(CAST(t0."dim_occurred_at" AS TIMESTAMP) AS TIMESTAMP)) AS "watermark"
FROM (
  SELECT "country" AS "dim_country", "occurred_at" AS "dim_occurred_at", "visit_id" AS "value_visit_count", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-31 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-31'
) AS t0
GROUP BY 1, 2;

-- store
SELECT s."bucket", s."visit__country", CAST(k0."name" AS VARCHAR) AS "visit__country__name", CAST(k0."region" AS VARCHAR) AS "visit__country__region", s."visits__rows", s."visitor_count__value", s."visit_count__count"
FROM lake_rows AS s
LEFT JOIN (VALUES ('AT', 'Austria', 'Central Europe'), ('AU', 'Australia', 'Oceania'), ('BE', 'Belgium', 'Western Europe'), ('BR', 'Brazil', 'Latin America'), ('CA', 'Canada', 'North America'), ('CH', 'Switzerland', 'Central Europe'), ('CI', 'Côte d’Ivoire', 'Africa'), ('CZ', 'Czechia', 'Central Europe'), ('DE', 'Germany', 'Central Europe'), ('DK', 'Denmark', 'Northern Europe'), ('ES', 'Spain', 'Southern Europe'), ('FR', 'France', 'Western Europe'), ('GB', 'United Kingdom', 'Western Europe'), ('IN', 'India', 'Asia'), ('IT', 'Italy', 'Southern Europe'), ('JP', 'Japan', 'Asia'), ('MX', 'Mexico', 'Latin America'), ('NL', 'Netherlands', 'Western Europe'), ('NO', 'Norway', 'Northern Europe'), ('PL', 'Poland', 'Central Europe'), ('PT', 'Portugal', 'Southern Europe'), ('SE', 'Sweden', 'Northern Europe'), ('TR', 'Türkiye', 'Asia'), ('US', 'United States', 'North America'), ('ZA', 'South Africa', 'Africa')) AS k0("key", "name", "region") ON CAST(s."visit__country" AS VARCHAR) = k0."key"
ORDER BY s."bucket" NULLS LAST, s."visit__country" NULLS LAST;

