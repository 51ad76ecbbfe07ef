-- DuckDb: visits […, …)
SELECT e."metric_time__year", sum(CASE WHEN e."__reached" >= 1 THEN 1 ELSE 0 END) AS "n1", sum(CASE WHEN e."__reached" >= 2 THEN 1 ELSE 0 END) AS "n2", quantile_cont(CASE WHEN e."__reached" >= 2 THEN (date_diff('microsecond', e."__time", e."__time_2") / CAST(1000000 AS DOUBLE)) END, 0.5) AS "median_2", quantile_cont(CASE WHEN e."__reached" >= 2 THEN (date_diff('microsecond', e."__time", e."__time_2") / CAST(1000000 AS DOUBLE)) END, 0.9) AS "p90_2"
FROM (
  SELECT e."metric_time__year", e."__time", e."__time_2", e."__reached", row_number() OVER (PARTITION BY e."metric_time__year", e."__entity" ORDER BY e."__reached" DESC NULLS LAST, e."__at" NULLS LAST) AS "__best"
  FROM (
    SELECT e."metric_time__year", e."__entity", e."__time", e."__at", e."__time_2", CASE WHEN e."__time_2" < e."__until" THEN 2 ELSE 1 END AS "__reached"
    FROM (
      SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__exclusion", e."__start", e."__until", e."metric_time__year", e."__at", e."__passage", min(CASE WHEN e."__is_2" = 1 THEN e."__time" END) OVER (PARTITION BY e."__entity", e."__passage" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_2"
      FROM (
        SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__exclusion", e."__start", e."__until", e."metric_time__year", e."__at", sum(e."__exclusion") OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "__passage"
        FROM (
          SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__exclusion", e."__start", e."__until", e."metric_time__year", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, CASE WHEN e."__is_1" = 1 THEN 1 WHEN e."__is_2" = 1 THEN 2 ELSE 3 END NULLS LAST, e."__is_2" NULLS LAST, e."__is_1" NULLS LAST, e."__exclusion" NULLS LAST, e."__start" DESC NULLS LAST, e."metric_time__year" NULLS LAST) AS "__at"
          FROM (
            SELECT t0."key_show" AS "__entity", CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", 1 AS "__is_1", 0 AS "__is_2", CASE WHEN (FALSE OR t0."dim_device" IN ($1)) THEN 1 ELSE 0 END AS "__exclusion", CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) IS NOT NULL THEN 1 ELSE 0 END AS "__start", (CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) + INTERVAL (20) DAY) AS "__until", CAST(date_trunc('year', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__year"
            FROM (
              SELECT "started_at" AS "dim_at", "device" AS "dim_device", "show_id" AS "key_show"
              FROM "visits" AS s
              WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
            ) AS t0
            WHERE t0."key_show" IS NOT NULL
            UNION ALL
            SELECT t0."key_show" AS "__entity", CAST(CAST(t0."dim_placed_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", 0 AS "__is_1", CASE WHEN t0."dim_voucher" IS NULL THEN 1 ELSE 0 END AS "__is_2", CASE WHEN (t0."dim_voucher" IN ($2, $3) OR FALSE) THEN 1 ELSE 0 END AS "__exclusion", 0 AS "__start", NULL AS "__until", NULL AS "metric_time__year"
            FROM (
              SELECT "placed_at" AS "dim_placed_at", "voucher" AS "dim_voucher", "show_id" AS "key_show"
              FROM "shop"."orders" AS s
              WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
            ) AS t0
            WHERE t0."key_show" IS NOT NULL AND (t0."dim_voucher" IS NULL OR t0."dim_voucher" IN ($4, $5))
          ) AS e
        ) AS e
      ) AS e
    ) AS e
    WHERE e."__start" = 1
  ) AS e
) AS e
WHERE e."__best" = 1
GROUP BY 1;
-- $1 = tv
-- $2 = SUMMER
-- $3 = summer
-- $4 = SUMMER
-- $5 = summer

-- Athena: visits […, …)
SELECT e."metric_time__year", sum(CASE WHEN e."__reached" >= 1 THEN 1 ELSE 0 END) AS "n1", sum(CASE WHEN e."__reached" >= 2 THEN 1 ELSE 0 END) AS "n2", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 2 THEN (date_diff('millisecond', e."__time", e."__time_2") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.5' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "median_2", transform(ARRAY[array_sort(filter(array_agg(CASE WHEN e."__reached" >= 2 THEN (date_diff('millisecond', e."__time", e."__time_2") / 1E3) END), v -> v IS NOT NULL))], a -> IF(cardinality(a) > 0, transform(ARRAY[(cardinality(a) - 1) * CAST('0.9' AS DOUBLE)], p -> a[CAST(floor(p) AS BIGINT) + 1] + (a[CAST(ceiling(p) AS BIGINT) + 1] - a[CAST(floor(p) AS BIGINT) + 1]) * (p - floor(p)))[1]))[1] AS "p90_2"
FROM (
  SELECT e."metric_time__year", e."__time", e."__time_2", e."__reached", row_number() OVER (PARTITION BY e."metric_time__year", e."__entity" ORDER BY e."__reached" DESC NULLS LAST, e."__at" NULLS LAST) AS "__best"
  FROM (
    SELECT e."metric_time__year", e."__entity", e."__time", e."__at", e."__time_2", CASE WHEN e."__time_2" < e."__until" THEN 2 ELSE 1 END AS "__reached"
    FROM (
      SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__exclusion", e."__start", e."__until", e."metric_time__year", e."__at", e."__passage", min(CASE WHEN e."__is_2" = 1 THEN e."__time" END) OVER (PARTITION BY e."__entity", e."__passage" ORDER BY e."__at" DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS "__time_2"
      FROM (
        SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__exclusion", e."__start", e."__until", e."metric_time__year", e."__at", sum(e."__exclusion") OVER (PARTITION BY e."__entity" ORDER BY e."__at" NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "__passage"
        FROM (
          SELECT e."__entity", e."__time", e."__is_1", e."__is_2", e."__exclusion", e."__start", e."__until", e."metric_time__year", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, CASE WHEN e."__is_1" = 1 THEN 1 WHEN e."__is_2" = 1 THEN 2 ELSE 3 END NULLS LAST, e."__is_2" NULLS LAST, e."__is_1" NULLS LAST, e."__exclusion" NULLS LAST, e."__start" DESC NULLS LAST, e."metric_time__year" NULLS LAST) AS "__at"
          FROM (
            SELECT t0."key_show" AS "__entity", CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", 1 AS "__is_1", 0 AS "__is_2", CASE WHEN (FALSE OR t0."dim_device" IN ('tv')) THEN 1 ELSE 0 END AS "__exclusion", CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) IS NOT NULL THEN 1 ELSE 0 END AS "__start", date_add('day', 20, CAST(CAST(t0."dim_at" AS TIMESTAMP) AS TIMESTAMP)) AS "__until", CAST(date_trunc('year', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "metric_time__year"
            FROM (
              SELECT "started_at" AS "dim_at", "device" AS "dim_device", "show_id" AS "key_show"
              FROM "visits" AS s
              WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
            ) AS t0
            WHERE t0."key_show" IS NOT NULL
            UNION ALL
            SELECT t0."key_show" AS "__entity", CAST(CAST(t0."dim_placed_at" AS TIMESTAMP) AS TIMESTAMP) AS "__time", 0 AS "__is_1", CASE WHEN t0."dim_voucher" IS NULL THEN 1 ELSE 0 END AS "__is_2", CASE WHEN (t0."dim_voucher" IN ('SUMMER', 'summer') OR FALSE) THEN 1 ELSE 0 END AS "__exclusion", 0 AS "__start", NULL AS "__until", NULL AS "metric_time__year"
            FROM (
              SELECT "placed_at" AS "dim_placed_at", "voucher" AS "dim_voucher", "show_id" AS "key_show"
              FROM "shop"."orders" AS s
              WHERE CAST("placed_at" AS TIMESTAMP) IS NOT NULL
            ) AS t0
            WHERE t0."key_show" IS NOT NULL AND (t0."dim_voucher" IS NULL OR t0."dim_voucher" IN ('SUMMER', 'summer'))
          ) AS e
        ) AS e
      ) AS e
    ) AS e
    WHERE e."__start" = 1
  ) AS e
) AS e
WHERE e."__best" = 1
GROUP BY 1;

