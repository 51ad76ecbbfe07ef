-- DuckDb: orders […, …)
SELECT r."order__voucher", r."metric_time__year", sum(CASE WHEN r."__value" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_later_order_rows__count"
FROM (
  SELECT t0."dim_voucher" AS "order__voucher", CAST(date_trunc('year', CAST(t0."dim_placed_at" AS TIMESTAMP)) AS DATE) AS "metric_time__year", c."value" AS "__value", row_number() OVER (PARTITION BY c."id" ORDER BY CAST(t0."dim_placed_at" AS TIMESTAMP) DESC NULLS LAST, t0."order_0" NULLS LAST, t0."order_1" NULLS LAST, t0."order_2" NULLS LAST, t0."order_3" NULLS LAST) AS "__rank"
  FROM (
    SELECT "placed_at" AS "dim_placed_at", "voucher" AS "dim_voucher", "show_id" AS "key_show", "order_id" AS "order_0", (amount > 10) AS "order_1", "placed_at" AS "order_2", "voucher" AS "order_3", "voucher" AS "property_0"
    FROM "shop"."orders" AS s
    WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
  ) AS t0
  JOIN (
    SELECT row_number() OVER () AS "id", t0."key_show" AS "entity", CAST(t0."dim_placed_at" AS TIMESTAMP) AS "time", t0."value_later_order_rows" AS "value", t0."property_0"
    FROM (
      SELECT "placed_at" AS "dim_placed_at", "voucher" AS "dim_voucher", "show_id" AS "key_show", "voucher" AS "property_0", "order_id" AS "value_later_order_rows"
      FROM "shop"."orders" AS s
      WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
    WHERE t0."dim_voucher" NOT IN ($1)
  ) AS c ON (t0."key_show" = c."entity" AND CAST(t0."dim_placed_at" AS TIMESTAMP) <= c."time" AND t0."property_0" = c."property_0")
) AS r
WHERE r."__rank" = 1
GROUP BY 1, 2;
-- $1 = SUMMER

-- Athena: orders […, …)
SELECT r."order__voucher", r."metric_time__year", sum(CASE WHEN r."__value" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_later_order_rows__count"
FROM (
  SELECT t0."dim_voucher" AS "order__voucher", CAST(date_trunc('year', CAST(t0."dim_placed_at" AS TIMESTAMP)) AS DATE) AS "metric_time__year", c."value" AS "__value", row_number() OVER (PARTITION BY c."id" ORDER BY CAST(t0."dim_placed_at" AS TIMESTAMP) DESC NULLS LAST, t0."order_0" NULLS LAST, t0."order_1" NULLS LAST, t0."order_2" NULLS LAST, t0."order_3" NULLS LAST) AS "__rank"
  FROM (
    SELECT "placed_at" AS "dim_placed_at", "voucher" AS "dim_voucher", "show_id" AS "key_show", "order_id" AS "order_0", (amount > 10) AS "order_1", "placed_at" AS "order_2", "voucher" AS "order_3", "voucher" AS "property_0"
    FROM "shop"."orders" AS s
    WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
  ) AS t0
  JOIN (
    SELECT row_number() OVER () AS "id", t0."key_show" AS "entity", CAST(t0."dim_placed_at" AS TIMESTAMP) AS "time", t0."value_later_order_rows" AS "value", t0."property_0"
    FROM (
      SELECT "placed_at" AS "dim_placed_at", "voucher" AS "dim_voucher", "show_id" AS "key_show", "voucher" AS "property_0", "order_id" AS "value_later_order_rows"
      FROM "shop"."orders" AS s
      WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
    WHERE t0."dim_voucher" NOT IN ('SUMMER')
  ) AS c ON (t0."key_show" = c."entity" AND CAST(t0."dim_placed_at" AS TIMESTAMP) <= c."time" AND t0."property_0" = c."property_0")
) AS r
WHERE r."__rank" = 1
GROUP BY 1, 2;

