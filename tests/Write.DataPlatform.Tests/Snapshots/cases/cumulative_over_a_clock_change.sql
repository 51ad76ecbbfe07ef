-- DuckDb: joins […, 2024-04-01)
SELECT date_trunc('hour', CAST(t0."dim_joined_at" AS TIMESTAMP)) AS "__moment", sum(CASE WHEN t0."value_joining_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_joining_rows__count"
FROM (
  SELECT (CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS "dim_joined_at", (1) AS "value_joining_rows"
  FROM "plays" AS s
  WHERE CAST((CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS TIMESTAMP) < TIMESTAMP '2024-03-31 22:00:00'
) AS t0
GROUP BY 1;

-- DuckDb: joins […, 2024-03-31)
SELECT date_trunc('hour', CAST(t0."dim_joined_at" AS TIMESTAMP)) AS "__moment", sum(CASE WHEN t0."value_joining_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_joining_rows__count"
FROM (
  SELECT (CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS "dim_joined_at", (1) AS "value_joining_rows"
  FROM "plays" AS s
  WHERE CAST((CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS TIMESTAMP) < TIMESTAMP '2024-03-30 23:00:00'
) AS t0
GROUP BY 1;

-- Athena: joins […, 2024-04-01)
SELECT date_trunc('hour', CAST(t0."dim_joined_at" AS TIMESTAMP)) AS "__moment", sum(CASE WHEN t0."value_joining_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_joining_rows__count"
FROM (
  SELECT (CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS "dim_joined_at", (1) AS "value_joining_rows"
  FROM "plays" AS s
  WHERE CAST((CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS TIMESTAMP) < TIMESTAMP '2024-03-31 22:00:00'
) AS t0
GROUP BY 1;

-- Athena: joins […, 2024-03-31)
SELECT date_trunc('hour', CAST(t0."dim_joined_at" AS TIMESTAMP)) AS "__moment", sum(CASE WHEN t0."value_joining_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_joining_rows__count"
FROM (
  SELECT (CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS "dim_joined_at", (1) AS "value_joining_rows"
  FROM "plays" AS s
  WHERE CAST((CASE plays % 2 WHEN 0 THEN TIMESTAMP '2024-03-30 02:30:00' WHEN 1 THEN TIMESTAMP '2024-03-30 01:30:00' END) AS TIMESTAMP) < TIMESTAMP '2024-03-30 23:00:00'
) AS t0
GROUP BY 1;

