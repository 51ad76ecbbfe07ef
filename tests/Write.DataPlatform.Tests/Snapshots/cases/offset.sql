-- DuckDb: visits [2023-06-01, 2025-06-01)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2025-03-30 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) ELSE (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) END) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-05-31 22:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-05-31 22:00:00' AND CAST("month" AS DATE) >= DATE '2023-05-01' AND CAST("month" AS DATE) <= DATE '2025-05-31'
) AS t0
GROUP BY 1;

-- DuckDb: visits [2023-05-01, 2025-05-01)
SELECT CAST(date_trunc('month', (CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2025-03-30 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) ELSE (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) END + INTERVAL (1) MONTH)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-04-30 22:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-04-30 22:00:00' AND CAST("month" AS DATE) >= DATE '2023-04-01' AND CAST("month" AS DATE) <= DATE '2025-04-30'
) AS t0
GROUP BY 1;

-- Athena: visits [2023-06-01, 2025-06-01)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2025-03-30 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) ELSE date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) END) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-05-31 22:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-05-31 22:00:00' AND CAST("month" AS DATE) >= DATE '2023-05-01' AND CAST("month" AS DATE) <= DATE '2025-05-31'
) AS t0
GROUP BY 1;

-- Athena: visits [2023-05-01, 2025-05-01)
SELECT CAST(date_trunc('month', date_add('month', 1, CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2025-03-30 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) ELSE date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) END)) AS DATE) AS "metric_time__month", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-04-30 22:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-04-30 22:00:00' AND CAST("month" AS DATE) >= DATE '2023-04-01' AND CAST("month" AS DATE) <= DATE '2025-04-30'
) AS t0
GROUP BY 1;

