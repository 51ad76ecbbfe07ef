-- DuckDb: visits [2024-01-01, 2025-01-01)
SELECT t0."dim_country" AS "visit__country", CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "country" AS "dim_country", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1, 2;

-- DuckDb: orders [2024-01-01, 2025-01-01)
SELECT t1."dim_country" AS "visit__country", CAST(date_trunc('month', CAST(t0."dim_placed_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_order_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_order_rows__count", sum(t0."value_amount_sum") AS "l1_amount_sum__sum"
FROM (
  SELECT "placed_at" AS "dim_placed_at", "visit_id" AS "key_visit", "amount" AS "value_amount_sum", "order_id" AS "value_order_rows"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("placed_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00'
) AS t0
LEFT JOIN (
  SELECT "country" AS "dim_country", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
GROUP BY 1, 2;

-- Athena: visits [2024-01-01, 2025-01-01)
SELECT t0."dim_country" AS "visit__country", CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "country" AS "dim_country", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1, 2;

-- Athena: orders [2024-01-01, 2025-01-01)
SELECT t1."dim_country" AS "visit__country", CAST(date_trunc('month', CAST(t0."dim_placed_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_order_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_order_rows__count", sum(t0."value_amount_sum") AS "l1_amount_sum__sum"
FROM (
  SELECT "placed_at" AS "dim_placed_at", "visit_id" AS "key_visit", "amount" AS "value_amount_sum", "order_id" AS "value_order_rows"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("placed_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00'
) AS t0
LEFT JOIN (
  SELECT "country" AS "dim_country", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
GROUP BY 1, 2;

