-- DuckDb: visits [2020-12-01, 2024-12-01)
SELECT e."visit__country", sum(CASE WHEN e."__reached" >= 1 THEN 1 ELSE 0 END) AS "n1", sum(CASE WHEN e."__reached" >= 2 THEN 1 ELSE 0 END) AS "n2", quantile_cont(CASE WHEN e."__reached" >= 2 THEN (date_diff('microsecond', e."__time", e."__time_2") / CAST(1000000 AS DOUBLE)) END, 0.5) AS "median_2", quantile_cont(CASE WHEN e."__reached" >= 2 THEN (date_diff('microsecond', e."__time", e."__time_2") / CAST(1000000 AS DOUBLE)) END, 0.9) AS "p90_2", sum(CASE WHEN e."__reached" >= 3 THEN 1 ELSE 0 END) AS "n3", quantile_cont(CASE WHEN e."__reached" >= 3 THEN (date_diff('microsecond', e."__time", e."__time_3") / CAST(1000000 AS DOUBLE)) END, 0.5) AS "median_3", quantile_cont(CASE WHEN e."__reached" >= 3 THEN (date_diff('microsecond', e."__time", e."__time_3") / CAST(1000000 AS DOUBLE)) END, 0.9) AS "p90_3"
FROM (
  SELECT e."visit__country", e."__time", e."__time_2", e."__time_3", e."__reached", row_number() OVER (PARTITION BY e."visit__country", e."__entity" ORDER BY e."__reached" DESC NULLS LAST, e."__at" NULLS LAST) AS "__best"
  FROM (
    SELECT e."visit__country", e."__entity", e."__time", e."__at", e."__time_2", e."__time_3", CASE WHEN e."__time_3" < e."__until" THEN 3 WHEN e."__time_2" < e."__until" THEN 2 ELSE 1 END AS "__reached"
    FROM (
      SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__until", e."visit__country", e."__at", min(CASE WHEN e."__is_2" = 1 THEN e."__time" END) OVER (PARTITION BY e."__entity" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_2", min(CASE WHEN e."__is_2" = 1 THEN e."__time_3" END) OVER (PARTITION BY e."__entity" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_3"
      FROM (
        SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__until", e."visit__country", e."__at", min(CASE WHEN e."__is_3" = 1 THEN e."__time" END) OVER (PARTITION BY e."__entity" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_3"
        FROM (
          SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__until", e."visit__country", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, CASE WHEN e."__is_1" = 1 THEN 1 WHEN e."__is_2" = 1 THEN 2 WHEN e."__is_3" = 1 THEN 3 ELSE 4 END NULLS LAST, e."__is_3" NULLS LAST, e."__is_2" NULLS LAST, e."__is_1" NULLS LAST, e."__start" DESC NULLS LAST, e."visit__country" NULLS LAST) AS "__at"
          FROM (
            SELECT t0."key_visitor" AS "__entity", CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", CASE WHEN t0."dim_device" IN ($1) THEN 1 ELSE 0 END AS "__is_1", CASE WHEN t0."dim_device" IN ($2) THEN 1 ELSE 0 END AS "__is_2", CASE WHEN t0."dim_device" IN ($3) THEN 1 ELSE 0 END AS "__is_3", CASE WHEN (t0."dim_device" IN ($4) AND CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2020-12-01 00:00:00' AND CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-12-01 00:00:00') THEN 1 ELSE 0 END AS "__start", (CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) + INTERVAL (1) YEAR) AS "__until", t0."dim_country" AS "visit__country"
            FROM (
              SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "visitor_id" AS "key_visitor"
              FROM "visits" AS s
              WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2020-12-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-12-04 00:00:00' AND CAST("month" AS DATE) >= DATE '2020-12-01' AND CAST("month" AS DATE) <= DATE '2025-12-03'
            ) AS t0
            WHERE t0."key_visitor" IS NOT NULL AND (t0."dim_device" IN ($5) OR t0."dim_device" IN ($6) OR t0."dim_device" IN ($7))
          ) AS e
        ) AS e
      ) AS e
    ) AS e
    WHERE e."__start" = 1
  ) AS e
) AS e
WHERE e."__best" = 1
GROUP BY 1;
-- $1 = mobile
-- $2 = desktop
-- $3 = tv
-- $4 = mobile
-- $5 = mobile
-- $6 = desktop
-- $7 = tv

-- Athena: visits [2020-12-01, 2024-12-01)
SELECT e."visit__country", sum(CASE WHEN e."__reached" >= 1 THEN 1 ELSE 0 END) AS "n1", sum(CASE WHEN e."__reached" >= 2 THEN 1 ELSE 0 END) AS "n2", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 2 THEN (date_diff('millisecond', e."__time", e."__time_2") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.5' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "median_2", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 2 THEN (date_diff('millisecond', e."__time", e."__time_2") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.9' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "p90_2", sum(CASE WHEN e."__reached" >= 3 THEN 1 ELSE 0 END) AS "n3", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 3 THEN (date_diff('millisecond', e."__time", e."__time_3") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.5' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "median_3", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 3 THEN (date_diff('millisecond', e."__time", e."__time_3") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.9' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "p90_3"
FROM (
  SELECT e."visit__country", e."__time", e."__time_2", e."__time_3", e."__reached", row_number() OVER (PARTITION BY e."visit__country", e."__entity" ORDER BY e."__reached" DESC NULLS LAST, e."__at" NULLS LAST) AS "__best"
  FROM (
    SELECT e."visit__country", e."__entity", e."__time", e."__at", e."__time_2", e."__time_3", CASE WHEN e."__time_3" < e."__until" THEN 3 WHEN e."__time_2" < e."__until" THEN 2 ELSE 1 END AS "__reached"
    FROM (
      SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__until", e."visit__country", e."__at", min(CASE WHEN e."__is_2" = 1 THEN e."__time" END) OVER (PARTITION BY e."__entity" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_2", min(CASE WHEN e."__is_2" = 1 THEN e."__time_3" END) OVER (PARTITION BY e."__entity" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_3"
      FROM (
        SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__until", e."visit__country", e."__at", min(CASE WHEN e."__is_3" = 1 THEN e."__time" END) OVER (PARTITION BY e."__entity" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_3"
        FROM (
          SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__until", e."visit__country", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, CASE WHEN e."__is_1" = 1 THEN 1 WHEN e."__is_2" = 1 THEN 2 WHEN e."__is_3" = 1 THEN 3 ELSE 4 END NULLS LAST, e."__is_3" NULLS LAST, e."__is_2" NULLS LAST, e."__is_1" NULLS LAST, e."__start" DESC NULLS LAST, e."visit__country" NULLS LAST) AS "__at"
          FROM (
            SELECT t0."key_visitor" AS "__entity", CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", CASE WHEN t0."dim_device" IN ('mobile') THEN 1 ELSE 0 END AS "__is_1", CASE WHEN t0."dim_device" IN ('desktop') THEN 1 ELSE 0 END AS "__is_2", CASE WHEN t0."dim_device" IN ('tv') THEN 1 ELSE 0 END AS "__is_3", CASE WHEN (t0."dim_device" IN ('mobile') AND CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2020-12-01 00:00:00' AND CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-12-01 00:00:00') THEN 1 ELSE 0 END AS "__start", date_add('year', 1, CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP)) AS "__until", t0."dim_country" AS "visit__country"
            FROM (
              SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "visitor_id" AS "key_visitor"
              FROM "visits" AS s
              WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2020-12-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-12-04 00:00:00' AND CAST("month" AS DATE) >= DATE '2020-12-01' AND CAST("month" AS DATE) <= DATE '2025-12-03'
            ) AS t0
            WHERE t0."key_visitor" IS NOT NULL AND (t0."dim_device" IN ('mobile') OR t0."dim_device" IN ('desktop') OR t0."dim_device" IN ('tv'))
          ) AS e
        ) AS e
      ) AS e
    ) AS e
    WHERE e."__start" = 1
  ) AS e
) AS e
WHERE e."__best" = 1
GROUP BY 1;

