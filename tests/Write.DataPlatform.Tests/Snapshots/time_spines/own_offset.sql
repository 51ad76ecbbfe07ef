-- DuckDb
SELECT CAST((timezone('Europe/Berlin', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) + to_days(CAST(k0."days" AS INTEGER))) AS DATE) AS "metric_time__day", k1."value" AS "metric_time__span", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT a."key", date_diff('day', a."key", b."key") AS "days"
  FROM (
    SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
    FROM (
      SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
      FROM "days" AS s
      WHERE "span_start" IS NOT NULL
      GROUP BY 1, 2
    ) AS d
  ) AS a
  JOIN (
    SELECT g."period", g."length", row_number() OVER (ORDER BY g."first" NULLS LAST) AS "ordinal"
    FROM (
      SELECT n."period", max(n."number") AS "length", min(n."key") AS "first"
      FROM (
        SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
        FROM (
          SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
          FROM "days" AS s
          WHERE "span_start" IS NOT NULL
          GROUP BY 1, 2
        ) AS d
      ) AS n
      GROUP BY 1
    ) AS g
  ) AS p ON a."period" = p."period"
  JOIN (
    SELECT g."period", g."length", row_number() OVER (ORDER BY g."first" NULLS LAST) AS "ordinal"
    FROM (
      SELECT n."period", max(n."number") AS "length", min(n."key") AS "first"
      FROM (
        SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
        FROM (
          SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
          FROM "days" AS s
          WHERE "span_start" IS NOT NULL
          GROUP BY 1, 2
        ) AS d
      ) AS n
      GROUP BY 1
    ) AS g
  ) AS q ON q."ordinal" = p."ordinal" + 1
  JOIN (
    SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
    FROM (
      SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
      FROM "days" AS s
      WHERE "span_start" IS NOT NULL
      GROUP BY 1, 2
    ) AS d
  ) AS b ON (b."period" = q."period" AND b."number" = least(a."number", q."length"))
) AS k0 ON CAST(timezone('Europe/Berlin', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) AS DATE) = k0."key"
LEFT JOIN (
  SELECT CAST("day" AS DATE) AS "key", "span_start" AS "value"
  FROM "days" AS s
) AS k1 ON CAST((timezone('Europe/Berlin', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) + to_days(CAST(k0."days" AS INTEGER))) AS DATE) = k1."key"
WHERE (timezone('Europe/Berlin', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) + to_days(CAST(k0."days" AS INTEGER))) IS NOT NULL AND (timezone('Europe/Berlin', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) + to_days(CAST(k0."days" AS INTEGER))) >= TIMESTAMP '2024-01-20 00:00:00' AND (timezone('Europe/Berlin', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) + to_days(CAST(k0."days" AS INTEGER))) < TIMESTAMP '2024-03-05 00:00:00'
GROUP BY 1, 2;

-- Athena
SELECT CAST(date_add('day', k0."days", CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'Europe/Berlin') AS TIMESTAMP)) AS DATE) AS "metric_time__day", k1."value" AS "metric_time__span", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
LEFT JOIN (
  SELECT a."key", date_diff('day', a."key", b."key") AS "days"
  FROM (
    SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
    FROM (
      SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
      FROM "days" AS s
      WHERE "span_start" IS NOT NULL
      GROUP BY 1, 2
    ) AS d
  ) AS a
  JOIN (
    SELECT g."period", g."length", row_number() OVER (ORDER BY g."first" NULLS LAST) AS "ordinal"
    FROM (
      SELECT n."period", max(n."number") AS "length", min(n."key") AS "first"
      FROM (
        SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
        FROM (
          SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
          FROM "days" AS s
          WHERE "span_start" IS NOT NULL
          GROUP BY 1, 2
        ) AS d
      ) AS n
      GROUP BY 1
    ) AS g
  ) AS p ON a."period" = p."period"
  JOIN (
    SELECT g."period", g."length", row_number() OVER (ORDER BY g."first" NULLS LAST) AS "ordinal"
    FROM (
      SELECT n."period", max(n."number") AS "length", min(n."key") AS "first"
      FROM (
        SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
        FROM (
          SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
          FROM "days" AS s
          WHERE "span_start" IS NOT NULL
          GROUP BY 1, 2
        ) AS d
      ) AS n
      GROUP BY 1
    ) AS g
  ) AS q ON q."ordinal" = p."ordinal" + 1
  JOIN (
    SELECT d."key", d."period", row_number() OVER (PARTITION BY d."period" ORDER BY d."key" NULLS LAST) AS "number"
    FROM (
      SELECT CAST("day" AS DATE) AS "key", "span_start" AS "period"
      FROM "days" AS s
      WHERE "span_start" IS NOT NULL
      GROUP BY 1, 2
    ) AS d
  ) AS b ON (b."period" = q."period" AND b."number" = least(a."number", q."length"))
) AS k0 ON CAST(CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'Europe/Berlin') AS TIMESTAMP) AS DATE) = k0."key"
LEFT JOIN (
  SELECT CAST("day" AS DATE) AS "key", "span_start" AS "value"
  FROM "days" AS s
) AS k1 ON CAST(date_add('day', k0."days", CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'Europe/Berlin') AS TIMESTAMP)) AS DATE) = k1."key"
WHERE date_add('day', k0."days", CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'Europe/Berlin') AS TIMESTAMP)) IS NOT NULL AND date_add('day', k0."days", CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'Europe/Berlin') AS TIMESTAMP)) >= TIMESTAMP '2024-01-20 00:00:00' AND date_add('day', k0."days", CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'Europe/Berlin') AS TIMESTAMP)) < TIMESTAMP '2024-03-05 00:00:00'
GROUP BY 1, 2;

