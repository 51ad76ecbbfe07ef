-- DuckDb: plays [2023-11-01, 2024-10-28)
SELECT CAST(t0."dim_played_on" AS DATE) AS "__moment", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-11-01' AND CAST("played_on" AS DATE) < DATE '2024-10-28'
) AS t0
GROUP BY 1;

-- DuckDb: plays [2022-11-01, 2023-10-28)
SELECT CAST(t0."dim_played_on" AS DATE) AS "__moment", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2022-11-01' AND CAST("played_on" AS DATE) < DATE '2023-10-28'
) AS t0
GROUP BY 1;

-- Athena: plays [2023-11-01, 2024-10-28)
SELECT CAST(t0."dim_played_on" AS DATE) AS "__moment", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-11-01' AND CAST("played_on" AS DATE) < DATE '2024-10-28'
) AS t0
GROUP BY 1;

-- Athena: plays [2022-11-01, 2023-10-28)
SELECT CAST(t0."dim_played_on" AS DATE) AS "__moment", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2022-11-01' AND CAST("played_on" AS DATE) < DATE '2023-10-28'
) AS t0
GROUP BY 1;

