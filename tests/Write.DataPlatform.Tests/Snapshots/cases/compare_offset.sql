-- DuckDb: visits [2024-02-01, 2024-09-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-02-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-09-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-02-01' AND CAST("month" AS DATE) <= DATE '2024-08-31'
) AS t0
GROUP BY 1;

-- DuckDb: visits [2024-01-01, 2024-08-01)
SELECT CAST(date_trunc('month', (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) MONTH)) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l1_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-08-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-07-31'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-02-01, 2024-09-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-02-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-09-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-02-01' AND CAST("month" AS DATE) <= DATE '2024-08-31'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-01-01, 2024-08-01)
SELECT CAST(date_trunc('month', date_add('month', 1, CAST(t0."dim_at" AS TIMESTAMP))) AS DATE) AS "metric_time__month", sum(t0."value_second_sum") AS "l1_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-08-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-07-31'
) AS t0
GROUP BY 1;

