-- DuckDb: visits [2023-04-01, 2025-04-01)
SELECT CAST((date_trunc('year', (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (-3) MONTH)) + INTERVAL (3) MONTH) AS DATE) AS "metric_time__year", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-04-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-04-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-04-01' AND CAST("month" AS DATE) <= DATE '2025-03-31'
) AS t0
GROUP BY 1;

-- Athena: visits [2023-04-01, 2025-04-01)
SELECT CAST(date_add('month', 3, date_trunc('year', date_add('month', -3, CAST(t0."dim_at" AS TIMESTAMP)))) AS DATE) AS "metric_time__year", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-04-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-04-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-04-01' AND CAST("month" AS DATE) <= DATE '2025-03-31'
) AS t0
GROUP BY 1;

