-- DuckDb: case_sessions [2024-01-01, 2024-07-01)
SELECT date_trunc('millisecond', CAST(t0."dim_began" AS TIMESTAMP)) AS "metric_time__millisecond", sum(t0."value_case_session_count") AS "l0_case_session_count__sum"
FROM (
  SELECT (date_trunc('second', started_at) + INTERVAL '0.3' SECOND) AS "dim_began", (1) AS "value_case_session_count"
  FROM "visits" AS s
  WHERE CAST((date_trunc('second', started_at) + INTERVAL '0.3' SECOND) AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST((date_trunc('second', started_at) + INTERVAL '0.3' SECOND) AS TIMESTAMP) < TIMESTAMP '2024-07-01 00:00:00'
) AS t0
GROUP BY 1;

-- Athena: case_sessions [2024-01-01, 2024-07-01)
SELECT date_trunc('millisecond', CAST(t0."dim_began" AS TIMESTAMP)) AS "metric_time__millisecond", sum(t0."value_case_session_count") AS "l0_case_session_count__sum"
FROM (
  SELECT (date_trunc('second', started_at) + INTERVAL '0.3' SECOND) AS "dim_began", (1) AS "value_case_session_count"
  FROM "visits" AS s
  WHERE CAST((date_trunc('second', started_at) + INTERVAL '0.3' SECOND) AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST((date_trunc('second', started_at) + INTERVAL '0.3' SECOND) AS TIMESTAMP) < TIMESTAMP '2024-07-01 00:00:00'
) AS t0
GROUP BY 1;

