-- DuckDb: visits [2024-03-01, 2024-04-01)
SELECT (date_trunc('hour', (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (19800) SECOND)) + INTERVAL (-19800) SECOND) AS "metric_time__hour", CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (19800) SECOND) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-02-29 18:30:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 18:30:00' AND CAST("month" AS DATE) >= DATE '2024-02-01' AND CAST("month" AS DATE) <= DATE '2024-03-31'
) AS t0
GROUP BY 1, 2;

-- Athena: visits [2024-03-01, 2024-04-01)
SELECT date_add('second', -19800, date_trunc('hour', date_add('second', 19800, CAST(t0."dim_at" AS TIMESTAMP)))) AS "metric_time__hour", CAST(date_add('second', 19800, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-02-29 18:30:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 18:30:00' AND CAST("month" AS DATE) >= DATE '2024-02-01' AND CAST("month" AS DATE) <= DATE '2024-03-31'
) AS t0
GROUP BY 1, 2;

