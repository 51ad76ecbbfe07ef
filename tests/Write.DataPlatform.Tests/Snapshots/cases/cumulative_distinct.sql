-- DuckDb: plays [2023-12-02, …)
SELECT m."u" AS "__moment", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_player_count") END AS "l0_player_count__value"
FROM (
  SELECT "played_on" AS "dim_played_on", "visitor_id" AS "value_player_count"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-02'
) AS t0
JOIN (
  SELECT CAST(unnest(range(CAST(TIMESTAMP '2024-01-01 00:00:00' AS TIMESTAMP), CAST((date_trunc('day', b."last") + INTERVAL (1) DAY) AS TIMESTAMP), INTERVAL 1 DAY)) AS DATE) AS u
  FROM (
    SELECT min(CAST(t0."dim_played_on" AS DATE)) AS "first", max(CAST(t0."dim_played_on" AS DATE)) AS "last"
    FROM (
      SELECT "played_on" AS "dim_played_on"
      FROM "plays" AS s
      WHERE CAST("played_on" AS DATE) >= DATE '2023-12-02'
    ) AS t0
  ) AS b
) AS m ON (CAST(t0."dim_played_on" AS DATE) <= m."u" AND CAST(t0."dim_played_on" AS DATE) > (m."u" + INTERVAL (-30) DAY))
GROUP BY 1;

-- Athena: plays [2023-12-02, …)
SELECT m."u" AS "__moment", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_player_count") END AS "l0_player_count__value"
FROM (
  SELECT "played_on" AS "dim_played_on", "visitor_id" AS "value_player_count"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-12-02'
) AS t0
JOIN (
  SELECT u
  FROM (
    SELECT date_add('day', 10000 * h.k + o.k, CAST(TIMESTAMP '2024-01-01 00:00:00' AS DATE)) AS u, CAST(date_add('day', 1, date_trunc('day', b."last")) AS DATE) AS e
    FROM (
    SELECT min(CAST(t0."dim_played_on" AS DATE)) AS "first", max(CAST(t0."dim_played_on" AS DATE)) AS "last"
    FROM (
      SELECT "played_on" AS "dim_played_on"
      FROM "plays" AS s
      WHERE CAST("played_on" AS DATE) >= DATE '2023-12-02'
    ) AS t0
  ) AS b
    CROSS JOIN UNNEST(sequence(0, greatest(0, date_diff('day', CAST(TIMESTAMP '2024-01-01 00:00:00' AS DATE), CAST(date_add('day', 1, date_trunc('day', b."last")) AS DATE))) / 10000)) AS h(k)
    CROSS JOIN UNNEST(sequence(0, least(9999, greatest(0, date_diff('day', CAST(TIMESTAMP '2024-01-01 00:00:00' AS DATE), CAST(date_add('day', 1, date_trunc('day', b."last")) AS DATE)))))) AS o(k)
  ) AS n
  WHERE u < e
) AS m ON (CAST(t0."dim_played_on" AS DATE) <= m."u" AND CAST(t0."dim_played_on" AS DATE) > date_add('day', -30, m."u"))
GROUP BY 1;

