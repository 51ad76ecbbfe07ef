-- lake: steps [2026-11-01, 2026-11-24)
SELECT t1."dim_country" AS "visit__country", CAST((CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) AS DATE) AS "metric_time__day", sum(t0."value_amount_paid") AS "l0_amount_paid__sum", sum(CASE WHEN t0."dim_step_name" IN ($1) THEN CASE WHEN t0."value_step_count" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_step_count__count__e91cfaa0fd47a6a1", sum(CASE WHEN t0."dim_step_name" IN ($2) THEN CASE WHEN t0."value_step_count" IS NOT NULL THEN 1 ELSE 0 END END) AS "l0_step_count__count__0af634e4ddd5870a"
FROM (
  SELECT "occurred_at" AS "dim_occurred_at", "step" AS "dim_step_name", "visit_id" AS "key_visit", "amount" AS "value_amount_paid", "step_id" AS "value_step_count"
  FROM "steps" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-10-31 23:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-11-23 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-10-01' AND CAST("month" AS DATE) <= DATE '2026-11-23'
) AS t0
LEFT JOIN (
  SELECT "country" AS "dim_country", "customer" AS "dim_customer", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
WHERE t1."dim_customer" IN ($3)
GROUP BY 1, 2;
-- $1 = purchase
-- $2 = view_offer
-- $3 = acme

-- lake: visits [2026-11-01, 2026-11-24)
SELECT t0."dim_country" AS "visit__country", CAST((CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) AS DATE) AS "metric_time__day", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_visit_count__count"
FROM (
  SELECT "country" AS "dim_country", "customer" AS "dim_customer", "occurred_at" AS "dim_occurred_at", "visit_id" AS "value_visit_count"
  FROM "visits" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-10-31 23:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-11-23 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-10-01' AND CAST("month" AS DATE) <= DATE '2026-11-23'
) AS t0
WHERE t0."dim_customer" IN ($1)
GROUP BY 1, 2;
-- $1 = acme

-- finish
WITH pieces AS (
SELECT "visit__country", "metric_time__day", "l0_amount_paid__sum", "l0_step_count__count__e91cfaa0fd47a6a1", "l0_step_count__count__0af634e4ddd5870a" FROM lake_0_0
UNION ALL BY NAME
SELECT "visit__country", "metric_time__day", "l1_visit_count__count" FROM lake_1_0
), merged AS (
SELECT "visit__country", "metric_time__day", sum("l0_amount_paid__sum") AS "l0_amount_paid__sum", sum("l0_step_count__count__e91cfaa0fd47a6a1") AS "l0_step_count__count__e91cfaa0fd47a6a1", sum("l0_step_count__count__0af634e4ddd5870a") AS "l0_step_count__count__0af634e4ddd5870a", sum("l1_visit_count__count") AS "l1_visit_count__count"
FROM pieces
GROUP BY 1, 2
), valued AS (
SELECT "visit__country", "metric_time__day", CASE WHEN isfinite(CAST(("l0_amount_paid__sum" / nullif("l1_visit_count__count", 0)) AS DOUBLE)) THEN ("l0_amount_paid__sum" / nullif("l1_visit_count__count", 0)) END AS "revenue_per_visit", (CAST("l0_step_count__count__e91cfaa0fd47a6a1" AS DOUBLE) / NULLIF(CAST("l0_step_count__count__0af634e4ddd5870a" AS DOUBLE), 0)) AS "conversion_rate"
FROM merged
), answer AS (
SELECT "visit__country", "metric_time__day", "revenue_per_visit", "conversion_rate"
FROM valued
)
SELECT * FROM answer
WHERE "revenue_per_visit" > 0.5
ORDER BY "visit__country" ASC NULLS LAST, "metric_time__day" ASC NULLS LAST;

