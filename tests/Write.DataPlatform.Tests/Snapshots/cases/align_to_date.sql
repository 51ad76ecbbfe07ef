-- DuckDb: visits [2024-01-01, 2025-01-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1;

-- DuckDb: visits [2023-01-01, 2023-10-28)
SELECT CAST(date_trunc('month', (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR)) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l1_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2023-10-28 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-01-01' AND CAST("month" AS DATE) <= DATE '2023-10-27'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-01-01, 2025-01-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1;

-- Athena: visits [2023-01-01, 2023-10-28)
SELECT CAST(date_trunc('month', date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP))) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l1_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2023-10-28 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-01-01' AND CAST("month" AS DATE) <= DATE '2023-10-27'
) AS t0
GROUP BY 1;

