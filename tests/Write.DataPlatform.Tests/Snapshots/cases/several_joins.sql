-- DuckDb: plays […, …)
SELECT t3."dim_continent" AS "show__studio__land__continent", t1."key_studio" AS "show__studio", sum(t0."value_play_sum") AS "l0_play_sum__sum", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_player_count") END AS "l0_player_count__value"
FROM (
  SELECT "show_id" AS "key_show", "plays" AS "value_play_sum", "visitor_id" AS "value_player_count"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT "rating" AS "dim_rating", "id" AS "key_show", "studio_id" AS "key_studio"
  FROM "shows" AS s
) AS t1 ON t0."key_show" = t1."key_show"
LEFT JOIN (
  SELECT "land_code" AS "key_land", "studio_id" AS "key_studio"
  FROM "studios" AS s
) AS t2 ON t1."key_studio" = t2."key_studio"
LEFT JOIN (
  SELECT "continent" AS "dim_continent", "code" AS "key_land"
  FROM "lands" AS s
) AS t3 ON t2."key_land" = t3."key_land"
WHERE t1."dim_rating" >= 1
GROUP BY 1, 2;

-- Athena: plays […, …)
SELECT t3."dim_continent" AS "show__studio__land__continent", t1."key_studio" AS "show__studio", sum(t0."value_play_sum") AS "l0_play_sum__sum", CASE WHEN sum(1) > 0 THEN count(DISTINCT t0."value_player_count") END AS "l0_player_count__value"
FROM (
  SELECT "show_id" AS "key_show", "plays" AS "value_play_sum", "visitor_id" AS "value_player_count"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT "rating" AS "dim_rating", "id" AS "key_show", "studio_id" AS "key_studio"
  FROM "shows" AS s
) AS t1 ON t0."key_show" = t1."key_show"
LEFT JOIN (
  SELECT "land_code" AS "key_land", "studio_id" AS "key_studio"
  FROM "studios" AS s
) AS t2 ON t1."key_studio" = t2."key_studio"
LEFT JOIN (
  SELECT "continent" AS "dim_continent", "code" AS "key_land"
  FROM "lands" AS s
) AS t3 ON t2."key_land" = t3."key_land"
WHERE t1."dim_rating" >= 1
GROUP BY 1, 2;

