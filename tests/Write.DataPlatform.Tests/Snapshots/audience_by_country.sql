-- lake: visits [2026-10-01, 2026-11-01)
SELECT t0."dim_country" AS "visit__country", k0."value" AS "visit__country__region", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_count__count", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", "visit_id" AS "value_visit_count", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-31 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-31'
) AS t0
LEFT JOIN (VALUES ('AT', 'Central Europe'), ('AU', 'Oceania'), ('BE', 'Western Europe'), ('BR', 'Latin America'), ('CA', 'North America'), ('CH', 'Central Europe'), ('CI', 'Africa'), ('CZ', 'Central Europe'), ('DE', 'Central Europe'), ('DK', 'Northern Europe'), ('ES', 'Southern Europe'), ('FR', 'Western Europe'), ('GB', 'Western Europe'), ('IN', 'Asia'), ('IT', 'Southern Europe'), ('JP', 'Asia'), ('MX', 'Latin America'), ('NL', 'Western Europe'), ('NO', 'Northern Europe'), ('PL', 'Central Europe'), ('PT', 'Southern Europe'), ('SE', 'Northern Europe'), ('TR', 'Asia'), ('US', 'North America'), ('ZA', 'Africa')) AS k0("key", "value") ON CAST(t0."dim_country" AS VARCHAR) = k0."key"
WHERE NOT ((t0."dim_device" IN ($1) OR t0."dim_device" IS NULL))
GROUP BY 1, 2;
-- $1 = tv

-- finish
WITH pieces AS (
SELECT "visit__country", "visit__country__region", "l0_visit_count__count", "l0_visitor_count__value" FROM lake_0_0
), merged AS (
SELECT "visit__country", "visit__country__region", sum("l0_visit_count__count") AS "l0_visit_count__count", any_value("l0_visitor_count__value") AS "l0_visitor_count__value"
FROM pieces
GROUP BY 1, 2
), valued AS (
SELECT "visit__country", "visit__country__region", "l0_visit_count__count" AS "visits", "l0_visitor_count__value" AS "unique_visitors"
FROM merged
), answer AS (
SELECT "visit__country", "visit__country__region", "visits", "unique_visitors"
FROM valued
)
SELECT * FROM answer
ORDER BY "visit__country" ASC NULLS LAST, "visit__country__region" ASC NULLS LAST;

