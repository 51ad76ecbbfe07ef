-- DuckDb: orders [2023-01-01, 2026-01-01)
SELECT t1."dim_title" AS "show__title", sum(CASE WHEN t0."value_order_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_order_rows__count"
FROM (
  SELECT "show_id" AS "key_show", "order_id" AS "value_order_rows"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("placed_at" AS TIMESTAMP) < TIMESTAMP '2026-01-01 00:00:00'
) AS t0
LEFT JOIN (
  SELECT "title" AS "dim_title", "id" AS "key_show"
  FROM "shows" AS s
) AS t1 ON t0."key_show" = t1."key_show"
GROUP BY 1;

-- DuckDb: plays [2023-01-01, 2026-01-01)
SELECT t1."dim_title" AS "show__title", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "show_id" AS "key_show", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-01-01' AND CAST("played_on" AS DATE) < DATE '2026-01-01'
) AS t0
LEFT JOIN (
  SELECT "title" AS "dim_title", "id" AS "key_show"
  FROM "shows" AS s
) AS t1 ON t0."key_show" = t1."key_show"
GROUP BY 1;

-- Athena: orders [2023-01-01, 2026-01-01)
SELECT t1."dim_title" AS "show__title", sum(CASE WHEN t0."value_order_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_order_rows__count"
FROM (
  SELECT "show_id" AS "key_show", "order_id" AS "value_order_rows"
  FROM "shop"."orders" AS s
  WHERE CAST("placed_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("placed_at" AS TIMESTAMP) < TIMESTAMP '2026-01-01 00:00:00'
) AS t0
LEFT JOIN (
  SELECT "title" AS "dim_title", "id" AS "key_show"
  FROM "shows" AS s
) AS t1 ON t0."key_show" = t1."key_show"
GROUP BY 1;

-- Athena: plays [2023-01-01, 2026-01-01)
SELECT t1."dim_title" AS "show__title", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "show_id" AS "key_show", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-01-01' AND CAST("played_on" AS DATE) < DATE '2026-01-01'
) AS t0
LEFT JOIN (
  SELECT "title" AS "dim_title", "id" AS "key_show"
  FROM "shows" AS s
) AS t1 ON t0."key_show" = t1."key_show"
GROUP BY 1;

