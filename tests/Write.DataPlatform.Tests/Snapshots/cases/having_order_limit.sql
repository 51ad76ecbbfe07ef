-- DuckDb: visits [2024-01-01, 2025-01-01)
SELECT t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1, 2;

-- DuckDb: visits [2023-01-01, 2024-01-01)
SELECT t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-01-01' AND CAST("month" AS DATE) <= DATE '2023-12-31'
) AS t0
GROUP BY 1, 2;

-- Athena: visits [2024-01-01, 2025-01-01)
SELECT t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1, 2;

-- Athena: visits [2023-01-01, 2024-01-01)
SELECT t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "device" AS "dim_device", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-01-01' AND CAST("month" AS DATE) <= DATE '2023-12-31'
) AS t0
GROUP BY 1, 2;

