-- DuckDb: visits [2024-05-01, 2025-01-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) >= DATE '2024-07-01' THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_visit_rows__count__160239238f30544f", sum(CASE WHEN date_part('isodow', CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE)) IN (6, 7) THEN t0."value_second_sum" END) AS "l0_second_sum__sum__a6c6d7bea8f34d5e"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-05-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-05-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
WHERE (CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) >= DATE '2024-07-01' OR date_part('isodow', CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE)) IN (6, 7))
GROUP BY 1;

-- DuckDb: visits [2023-05-01, 2024-01-01)
SELECT CAST(date_trunc('month', (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR)) AS DATE) AS "metric_time__month", sum(CASE WHEN CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR) AS DATE) >= DATE '2024-07-01' THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l1_visit_rows__count__160239238f30544f", sum(CASE WHEN date_part('isodow', CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR) AS DATE)) IN (6, 7) THEN t0."value_second_sum" END) AS "l1_second_sum__sum__a6c6d7bea8f34d5e"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-05-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-05-01' AND CAST("month" AS DATE) <= DATE '2023-12-31'
) AS t0
WHERE (CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR) AS DATE) >= DATE '2024-07-01' OR date_part('isodow', CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (1) YEAR) AS DATE)) IN (6, 7))
GROUP BY 1;

-- Athena: visits [2024-05-01, 2025-01-01)
SELECT CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__month", sum(CASE WHEN CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) >= DATE '2024-07-01' THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_visit_rows__count__160239238f30544f", sum(CASE WHEN day_of_week(CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE)) IN (6, 7) THEN t0."value_second_sum" END) AS "l0_second_sum__sum__a6c6d7bea8f34d5e"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-05-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-05-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
WHERE (CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE) >= DATE '2024-07-01' OR day_of_week(CAST(CAST(t0."dim_at" AS TIMESTAMP) AS DATE)) IN (6, 7))
GROUP BY 1;

-- Athena: visits [2023-05-01, 2024-01-01)
SELECT CAST(date_trunc('month', date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP))) AS DATE) AS "metric_time__month", sum(CASE WHEN CAST(date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) >= DATE '2024-07-01' THEN CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END END) AS "l1_visit_rows__count__160239238f30544f", sum(CASE WHEN day_of_week(CAST(date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE)) IN (6, 7) THEN t0."value_second_sum" END) AS "l1_second_sum__sum__a6c6d7bea8f34d5e"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-05-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-05-01' AND CAST("month" AS DATE) <= DATE '2023-12-31'
) AS t0
WHERE (CAST(date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) >= DATE '2024-07-01' OR day_of_week(CAST(date_add('year', 1, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE)) IN (6, 7))
GROUP BY 1;

