-- DuckDb: visits [2024-01-01, 2025-01-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", t0."dim_device" AS "visit__device", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1, 2;

-- Athena: visits [2024-01-01, 2025-01-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", t0."dim_device" AS "visit__device", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1, 2;

