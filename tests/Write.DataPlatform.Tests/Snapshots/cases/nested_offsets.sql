-- DuckDb: plays [2023-12-01, 2024-12-01)
SELECT CAST(date_trunc('month', ((CAST(t0."dim_played_on" AS DATE) + INTERVAL (1) MONTH) + INTERVAL (1) DAY)) AS DATE) AS "metric_time__month", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-01' AND CAST("played_on" AS DATE) < DATE '2024-12-01'
) AS t0
GROUP BY 1;

-- DuckDb: plays [2022-12-01, 2023-12-01)
SELECT CAST(date_trunc('month', (((CAST(t0."dim_played_on" AS DATE) + INTERVAL (1) MONTH) + INTERVAL (1) DAY) + INTERVAL (1) YEAR)) AS DATE) AS "metric_time__month", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2022-12-01' AND CAST("played_on" AS DATE) < DATE '2023-12-01'
) AS t0
GROUP BY 1;

-- Athena: plays [2023-12-01, 2024-12-01)
SELECT CAST(date_trunc('month', date_add('day', 1, date_add('month', 1, CAST(t0."dim_played_on" AS DATE)))) AS DATE) AS "metric_time__month", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-01' AND CAST("played_on" AS DATE) < DATE '2024-12-01'
) AS t0
GROUP BY 1;

-- Athena: plays [2022-12-01, 2023-12-01)
SELECT CAST(date_trunc('month', date_add('year', 1, date_add('day', 1, date_add('month', 1, CAST(t0."dim_played_on" AS DATE))))) AS DATE) AS "metric_time__month", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2022-12-01' AND CAST("played_on" AS DATE) < DATE '2023-12-01'
) AS t0
GROUP BY 1;

