-- DuckDb: visits [2024-02-01, 2025-03-02)
SELECT CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) AS "metric_time__day", t0."dim_device" AS "visit__device", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-02-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-03-02 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-02-01' AND CAST("month" AS DATE) <= DATE '2025-03-01'
) AS t0
GROUP BY 1, 2;

-- DuckDb: visits [2023-02-01, 2024-03-02)
SELECT CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR) AS DATE) AS "metric_time__day", t0."dim_device" AS "visit__device", sum(t0."value_second_sum") AS "l1_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-02-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-03-02 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-02-01' AND CAST("month" AS DATE) <= DATE '2024-03-01'
) AS t0
GROUP BY 1, 2;

-- Athena: visits [2024-02-01, 2025-03-02)
SELECT CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) AS "metric_time__day", t0."dim_device" AS "visit__device", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-02-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-03-02 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-02-01' AND CAST("month" AS DATE) <= DATE '2025-03-01'
) AS t0
GROUP BY 1, 2;

-- Athena: visits [2023-02-01, 2024-03-02)
SELECT CAST(date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__day", t0."dim_device" AS "visit__device", sum(t0."value_second_sum") AS "l1_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-02-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-03-02 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-02-01' AND CAST("month" AS DATE) <= DATE '2024-03-01'
) AS t0
GROUP BY 1, 2;

