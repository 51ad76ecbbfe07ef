-- DuckDb: case_orders […, …)
SELECT t0."dim_voucher" AS "case_order__voucher", quantile_cont(CAST(t0."value_case_p10" AS DOUBLE), 0.1) AS "l0_case_p10__value", quantile_disc(t0."value_case_p75", 0.75) AS "l0_case_p75__value", quantile_cont(CAST(t0."value_case_median" AS DOUBLE), 0.5) AS "l0_case_median__value"
FROM (
  SELECT "voucher" AS "dim_voucher", "amount" AS "value_case_median", "amount" AS "value_case_p10", "quantity" AS "value_case_p75"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1;

-- Athena: case_orders […, …)
SELECT t0."dim_voucher" AS "case_order__voucher", transform(ARRAY[array_sort(filter(array_agg(CAST(t0."value_case_p10" AS DOUBLE)), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.1' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "l0_case_p10__value", transform(ARRAY[array_sort(filter(array_agg(t0."value_case_p75"), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, a[greatest(1, CAST(ceiling(cardinality(a) * DECIMAL '0.75') AS BIGINT))]))[1] AS "l0_case_p75__value", transform(ARRAY[array_sort(filter(array_agg(CAST(t0."value_case_median" AS DOUBLE)), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.5' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "l0_case_median__value"
FROM (
  SELECT "voucher" AS "dim_voucher", "amount" AS "value_case_median", "amount" AS "value_case_p10", "quantity" AS "value_case_p75"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1;

