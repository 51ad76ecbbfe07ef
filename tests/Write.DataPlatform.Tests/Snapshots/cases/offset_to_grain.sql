-- DuckDb: plays [2023-12-04, 2024-12-30)
SELECT CAST(date_trunc('week', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "metric_time__week", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-04' AND CAST("played_on" AS DATE) < DATE '2024-12-30'
) AS t0
GROUP BY 1;

-- DuckDb: plays [2023-12-01, 2024-12-30)
SELECT CAST(t0."dim_played_on" AS DATE) AS "__moment", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-01' AND CAST("played_on" AS DATE) < DATE '2024-12-30'
) AS t0
GROUP BY 1;

-- Athena: plays [2023-12-04, 2024-12-30)
SELECT CAST(date_trunc('week', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "metric_time__week", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-04' AND CAST("played_on" AS DATE) < DATE '2024-12-30'
) AS t0
GROUP BY 1;

-- Athena: plays [2023-12-01, 2024-12-30)
SELECT CAST(t0."dim_played_on" AS DATE) AS "__moment", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-01' AND CAST("played_on" AS DATE) < DATE '2024-12-30'
) AS t0
GROUP BY 1;

