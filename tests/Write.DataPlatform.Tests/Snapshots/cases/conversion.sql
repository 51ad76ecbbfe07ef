-- DuckDb: visits […, …)
SELECT r."metric_time__month", sum(CASE WHEN r."__value" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_order_rows__count"
FROM (
  SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", c."value" AS "__value", row_number() OVER (PARTITION BY c."id" ORDER BY CAST(t0."dim_at" AS TIMESTAMP) DESC NULLS LAST, t0."order_0" NULLS LAST, t0."order_1" NULLS LAST, t0."order_2" NULLS LAST, t0."order_3" NULLS LAST, t0."order_4" NULLS LAST, t0."order_5" NULLS LAST, t0."order_6" NULLS LAST, t0."order_7" NULLS LAST, t0."order_8" NULLS LAST) AS "__rank"
  FROM (
    SELECT "started_at" AS "dim_at", "show_id" AS "key_show", "visit_id" AS "order_0", "started_at" AS "order_1", "country" AS "order_2", "customer" AS "order_3", "device" AS "order_4", "ended_at" AS "order_5", "is_bounce" AS "order_6", "score" AS "order_7", "month" AS "order_8"
    FROM "visits" AS s
    WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
  ) AS t0
  JOIN (
    SELECT row_number() OVER () AS "id", t0."key_show" AS "entity", CAST(t0."dim_placed_at" AS TIMESTAMP) AS "time", t0."value_order_rows" AS "value"
    FROM (
      SELECT "placed_at" AS "dim_placed_at", "show_id" AS "key_show", "order_id" AS "value_order_rows"
      FROM "shop"."orders" AS s
      WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
  ) AS c ON (t0."key_show" = c."entity" AND CAST(t0."dim_at" AS TIMESTAMP) <= c."time" AND CAST(t0."dim_at" AS TIMESTAMP) > (c."time" + INTERVAL (-90) DAY))
) AS r
WHERE r."__rank" = 1
GROUP BY 1;

-- DuckDb: visits […, …)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1;

-- Athena: visits […, …)
SELECT r."metric_time__month", sum(CASE WHEN r."__value" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_order_rows__count"
FROM (
  SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", c."value" AS "__value", row_number() OVER (PARTITION BY c."id" ORDER BY CAST(t0."dim_at" AS TIMESTAMP) DESC NULLS LAST, t0."order_0" NULLS LAST, t0."order_1" NULLS LAST, t0."order_2" NULLS LAST, t0."order_3" NULLS LAST, t0."order_4" NULLS LAST, t0."order_5" NULLS LAST, t0."order_6" NULLS LAST, t0."order_7" NULLS LAST, t0."order_8" NULLS LAST) AS "__rank"
  FROM (
    SELECT "started_at" AS "dim_at", "show_id" AS "key_show", "visit_id" AS "order_0", "started_at" AS "order_1", "country" AS "order_2", "customer" AS "order_3", "device" AS "order_4", "ended_at" AS "order_5", "is_bounce" AS "order_6", "score" AS "order_7", "month" AS "order_8"
    FROM "visits" AS s
    WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
  ) AS t0
  JOIN (
    SELECT row_number() OVER () AS "id", t0."key_show" AS "entity", CAST(t0."dim_placed_at" AS TIMESTAMP) AS "time", t0."value_order_rows" AS "value"
    FROM (
      SELECT "placed_at" AS "dim_placed_at", "show_id" AS "key_show", "order_id" AS "value_order_rows"
      FROM "shop"."orders" AS s
      WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
  ) AS c ON (t0."key_show" = c."entity" AND CAST(t0."dim_at" AS TIMESTAMP) <= c."time" AND CAST(t0."dim_at" AS TIMESTAMP) > date_add('day', -90, c."time"))
) AS r
WHERE r."__rank" = 1
GROUP BY 1;

-- Athena: visits […, …)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
GROUP BY 1;

