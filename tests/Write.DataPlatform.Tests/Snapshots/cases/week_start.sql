-- DuckDb: visits [2024-01-03, 2024-06-05)
SELECT CAST((date_trunc('week', (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (-6) DAY)) + INTERVAL (6) DAY) AS DATE) AS "metric_time__week", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-03 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-06-05 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-06-04'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-01-03, 2024-06-05)
SELECT CAST(date_add('day', 6, date_trunc('week', date_add('day', -6, CAST(t0."dim_at" AS TIMESTAMP)))) AS DATE) AS "metric_time__week", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count", sum(t0."value_second_sum") AS "l0_second_sum__sum"
FROM (
  SELECT "started_at" AS "dim_at", "seconds" AS "value_second_sum", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-03 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-06-05 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-06-04'
) AS t0
GROUP BY 1;

