-- DuckDb: orders […, …)
SELECT t0."dim_voucher" AS "order__voucher", sum(CASE WHEN t2."dim_title" IS NOT NULL THEN CASE WHEN t0."value_order_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_order_rows__count__701c6a4023c6c677"
FROM (
  SELECT "voucher" AS "dim_voucher", "visit_id" AS "key_visit", "order_id" AS "value_order_rows"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT "show_id" AS "key_show", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
LEFT JOIN (
  SELECT "title" AS "dim_title", "id" AS "key_show"
  FROM "shows" AS s
) AS t2 ON t1."key_show" = t2."key_show"
WHERE t2."dim_title" IS NOT NULL
GROUP BY 1;

-- Athena: orders […, …)
SELECT t0."dim_voucher" AS "order__voucher", sum(CASE WHEN t2."dim_title" IS NOT NULL THEN CASE WHEN t0."value_order_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_order_rows__count__701c6a4023c6c677"
FROM (
  SELECT "voucher" AS "dim_voucher", "visit_id" AS "key_visit", "order_id" AS "value_order_rows"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT "show_id" AS "key_show", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
LEFT JOIN (
  SELECT "title" AS "dim_title", "id" AS "key_show"
  FROM "shows" AS s
) AS t2 ON t1."key_show" = t2."key_show"
WHERE t2."dim_title" IS NOT NULL
GROUP BY 1;

