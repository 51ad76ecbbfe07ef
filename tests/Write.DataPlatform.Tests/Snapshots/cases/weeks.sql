-- DuckDb: visits [2024-01-31, 2024-05-02)
SELECT CAST(date_trunc('week', CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) ELSE (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) END) AS DATE) AS "metric_time__week", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-30 23:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-05-01 22:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-05-01'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-01-31, 2024-05-02)
SELECT CAST(date_trunc('week', CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) ELSE date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) END) AS DATE) AS "metric_time__week", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_visitor_count") END AS "l0_visitor_count__value", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows", "visitor_id" AS "value_visitor_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-30 23:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2024-05-01 22:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-05-01'
) AS t0
GROUP BY 1;

