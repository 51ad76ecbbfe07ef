-- DuckDb: visits [2024-03-25, 2024-04-10)
SELECT CAST((CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (-14400) SECOND) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-03-25 04:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-04-10 04:00:00' AND CAST("month" AS DATE) >= DATE '2024-03-01' AND CAST("month" AS DATE) <= DATE '2024-04-10'
) AS t0
GROUP BY 1;

-- DuckDb: visits [2024-03-25, 2024-04-10)
SELECT CAST((CAST(t0."dim_ended_at" AS TIMESTAMP) + INTERVAL (-14400) SECOND) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_ended_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_ended_rows__count"
FROM (
  SELECT "ended_at" AS "dim_ended_at", (1) AS "value_ended_rows"
  FROM "visits" AS s
  WHERE CAST("ended_at" AS TIMESTAMP) >= TIMESTAMP '2024-03-25 04:00:00' AND CAST("ended_at" AS TIMESTAMP) < TIMESTAMP '2024-04-10 04:00:00'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-03-25, 2024-04-10)
SELECT CAST(date_add('second', -14400, CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-03-25 04:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-04-10 04:00:00' AND CAST("month" AS DATE) >= DATE '2024-03-01' AND CAST("month" AS DATE) <= DATE '2024-04-10'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-03-25, 2024-04-10)
SELECT CAST(date_add('second', -14400, CAST(t0."dim_ended_at" AS TIMESTAMP)) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_ended_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_ended_rows__count"
FROM (
  SELECT "ended_at" AS "dim_ended_at", (1) AS "value_ended_rows"
  FROM "visits" AS s
  WHERE CAST("ended_at" AS TIMESTAMP) >= TIMESTAMP '2024-03-25 04:00:00' AND CAST("ended_at" AS TIMESTAMP) < TIMESTAMP '2024-04-10 04:00:00'
) AS t0
GROUP BY 1;

