-- DuckDb: visits […, …)
SELECT sum(CASE WHEN e."__reached" >= 1 THEN 1 ELSE 0 END) AS "n1", sum(CASE WHEN e."__reached" >= 2 THEN 1 ELSE 0 END) AS "n2", quantile_cont(CASE WHEN e."__reached" >= 2 THEN (date_diff('microsecond', e."__time", e."__time_2") / CAST(1000000 AS DOUBLE)) END, 0.5) AS "median_2", quantile_cont(CASE WHEN e."__reached" >= 2 THEN (date_diff('microsecond', e."__time", e."__time_2") / CAST(1000000 AS DOUBLE)) END, 0.9) AS "p90_2", sum(CASE WHEN e."__reached" >= 3 THEN 1 ELSE 0 END) AS "n3", quantile_cont(CASE WHEN e."__reached" >= 3 THEN (date_diff('microsecond', e."__time", e."__time_3") / CAST(1000000 AS DOUBLE)) END, 0.5) AS "median_3", quantile_cont(CASE WHEN e."__reached" >= 3 THEN (date_diff('microsecond', e."__time", e."__time_3") / CAST(1000000 AS DOUBLE)) END, 0.9) AS "p90_3"
FROM (
  SELECT e."__time", e."__time_2", e."__time_3", e."__reached", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__reached" DESC NULLS LAST, e."__at" NULLS LAST) AS "__best"
  FROM (
    SELECT e."__entity", e."__time", e."__at", e."__time_2", e."__time_3", CASE WHEN e."__time_3" IS NOT NULL THEN 3 WHEN e."__time_2" IS NOT NULL THEN 2 ELSE 1 END AS "__reached"
    FROM (
      SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__at", CASE WHEN lead(e."__is_2", 1) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) = 1 THEN lead(e."__time", 1) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) END AS "__time_2", CASE WHEN (lead(e."__is_2", 1) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) = 1 AND lead(e."__is_3", 2) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) = 1) THEN lead(e."__time", 2) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) END AS "__time_3"
      FROM (
        SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, CASE WHEN e."__is_1" = 1 THEN 1 WHEN e."__is_2" = 1 THEN 2 WHEN e."__is_3" = 1 THEN 3 ELSE 4 END NULLS LAST, e."__is_3" NULLS LAST, e."__is_2" NULLS LAST, e."__is_1" NULLS LAST, e."__start" DESC NULLS LAST) AS "__at"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", CASE WHEN t0."dim_device" IN ($1) THEN 1 ELSE 0 END AS "__is_1", CASE WHEN t0."dim_device" IN ($2) THEN 1 ELSE 0 END AS "__is_2", CASE WHEN t0."dim_device" IN ($3) THEN 1 ELSE 0 END AS "__is_3", CASE WHEN (t0."dim_device" IN ($4) AND CAST(t0."dim_at" AS TIMESTAMP) IS NOT NULL AND (t0."dim_country" IN ($5, $6, $7) OR t0."dim_country" IS NULL)) THEN 1 ELSE 0 END AS "__start"
          FROM (
            SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL AND (t0."dim_device" IN ($8) OR t0."dim_device" IN ($9) OR t0."dim_device" IN ($10))
        ) AS e
      ) AS e
    ) AS e
    WHERE e."__start" = 1
  ) AS e
) AS e
WHERE e."__best" = 1;
-- $1 = mobile
-- $2 = desktop
-- $3 = tv
-- $4 = mobile
-- $5 = DE
-- $6 = FR
-- $7 = JP
-- $8 = mobile
-- $9 = desktop
-- $10 = tv

-- Athena: visits […, …)
SELECT sum(CASE WHEN e."__reached" >= 1 THEN 1 ELSE 0 END) AS "n1", sum(CASE WHEN e."__reached" >= 2 THEN 1 ELSE 0 END) AS "n2", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 2 THEN (date_diff('millisecond', e."__time", e."__time_2") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.5' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "median_2", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 2 THEN (date_diff('millisecond', e."__time", e."__time_2") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.9' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "p90_2", sum(CASE WHEN e."__reached" >= 3 THEN 1 ELSE 0 END) AS "n3", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 3 THEN (date_diff('millisecond', e."__time", e."__time_3") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.5' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "median_3", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 3 THEN (date_diff('millisecond', e."__time", e."__time_3") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.9' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "p90_3"
FROM (
  SELECT e."__time", e."__time_2", e."__time_3", e."__reached", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__reached" DESC NULLS LAST, e."__at" NULLS LAST) AS "__best"
  FROM (
    SELECT e."__entity", e."__time", e."__at", e."__time_2", e."__time_3", CASE WHEN e."__time_3" IS NOT NULL THEN 3 WHEN e."__time_2" IS NOT NULL THEN 2 ELSE 1 END AS "__reached"
    FROM (
      SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", e."__at", CASE WHEN lead(e."__is_2", 1) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) = 1 THEN lead(e."__time", 1) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) END AS "__time_2", CASE WHEN (lead(e."__is_2", 1) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) = 1 AND lead(e."__is_3", 2) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) = 1) THEN lead(e."__time", 2) OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST) END AS "__time_3"
      FROM (
        SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__is_3", e."__start", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, CASE WHEN e."__is_1" = 1 THEN 1 WHEN e."__is_2" = 1 THEN 2 WHEN e."__is_3" = 1 THEN 3 ELSE 4 END NULLS LAST, e."__is_3" NULLS LAST, e."__is_2" NULLS LAST, e."__is_1" NULLS LAST, e."__start" DESC NULLS LAST) AS "__at"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", CASE WHEN t0."dim_device" IN ('mobile') THEN 1 ELSE 0 END AS "__is_1", CASE WHEN t0."dim_device" IN ('desktop') THEN 1 ELSE 0 END AS "__is_2", CASE WHEN t0."dim_device" IN ('tv') THEN 1 ELSE 0 END AS "__is_3", CASE WHEN (t0."dim_device" IN ('mobile') AND CAST(t0."dim_at" AS TIMESTAMP) IS NOT NULL AND (t0."dim_country" IN ('DE', 'FR', 'JP') OR t0."dim_country" IS NULL)) THEN 1 ELSE 0 END AS "__start"
          FROM (
            SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL AND (t0."dim_device" IN ('mobile') OR t0."dim_device" IN ('desktop') OR t0."dim_device" IN ('tv'))
        ) AS e
      ) AS e
    ) AS e
    WHERE e."__start" = 1
  ) AS e
) AS e
WHERE e."__best" = 1;

