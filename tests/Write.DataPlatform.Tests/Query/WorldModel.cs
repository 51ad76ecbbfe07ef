namespace Write.DataPlatform.Tests.Query;

/// <summary>The model that queries are proved on: four facts, four tables to join, two lookups, metrics of every kind that is computed.</summary>
internal static class WorldModel
{
    /// <summary>The columns of every table, in DuckDB's types.</summary>
    public static IReadOnlyDictionary<string, (string Name, string Type)[]> Tables { get; } = new Dictionary<string, (string, string)[]>
    {
        ["visits"] =
        [
            ("visit_id", "BIGINT"), ("visitor_id", "VARCHAR"), ("show_id", "BIGINT"), ("started_at", "TIMESTAMP"), ("ended_at", "TIMESTAMP"), ("month", "DATE"),
            ("country", "VARCHAR"), ("device", "VARCHAR"), ("score", "BIGINT"), ("is_bounce", "BOOLEAN"), ("customer", "VARCHAR"), ("seconds", "BIGINT"),
        ],
        ["shop.orders"] =
        [
            ("order_id", "BIGINT"), ("visit_id", "BIGINT"), ("show_id", "BIGINT"), ("placed_at", "TIMESTAMP"), ("amount", "DECIMAL(12,2)"), ("quantity", "BIGINT"),
            ("voucher", "VARCHAR"), ("weight", "DOUBLE"),
        ],
        ["plays"] = [("show_id", "BIGINT"), ("visitor_id", "VARCHAR"), ("played_on", "DATE"), ("plays", "BIGINT"), ("minutes", "DOUBLE")],
        ["targets"] = [("show_id", "BIGINT"), ("month", "DATE"), ("target", "BIGINT")],
        ["shows"] = [("id", "BIGINT"), ("title", "VARCHAR"), ("studio_id", "BIGINT"), ("released_on", "DATE"), ("rating", "DOUBLE")],
        ["studios"] = [("studio_id", "BIGINT"), ("name", "VARCHAR"), ("land_code", "VARCHAR")],
        ["memberships"] = [("visitor_id", "VARCHAR"), ("tier", "VARCHAR"), ("studio_id", "BIGINT"), ("since", "DATE"), ("until", "DATE")],
        ["campaigns"] = [("device", "VARCHAR"), ("slogan", "VARCHAR"), ("started_at", "TIMESTAMP"), ("stopped_at", "TIMESTAMP")],
        ["lands"] = [("code", "VARCHAR"), ("continent", "VARCHAR")],
        ["visitors"] = [("visitor_id", "VARCHAR"), ("plan", "VARCHAR"), ("first_seen_at", "TIMESTAMP"), ("birth_year", "BIGINT")],
    };

    /// <summary>The model's files.</summary>
    /// <param name="zone">The model's zone.</param>
    /// <param name="weekStart">The first day of its weeks.</param>
    /// <param name="gold">Its gold tables, in YAML.</param>
    /// <param name="yearStart">The first month of its years.</param>
    public static (string Path, string Text)[] Files(string zone = "Europe/Berlin", string weekStart = "monday", string gold = "", int yearStart = 1) =>
    [
        ("model.yaml", $"model: {{ time_zone: {zone}, week_start: {weekStart}, fiscal_year_start_month: {yearStart} }}\n" + Yaml),
        ("gold.yaml", gold),
        ("lookups/countries.csv", "code,name,region\nDE,Deutschland,Europa\nFR,France,\nJP,日本,Азия\nÉ,Élan,Europa\n"),
        ("lookups/shows.csv", "id,genre\n1,drama\n2,news\n4,Krimi „live“\n77,drama\n"),
    ];

    private const string Yaml = """
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: at }
            entities:
              - { name: visit, type: primary, expr: visit_id }
              - { name: visitor, type: foreign, expr: visitor_id }
              - { name: show, type: foreign, expr: show_id }
              - { name: channel, type: foreign, expr: device }
            dimensions:
              - { name: at, type: time, expr: started_at, type_params: { time_granularity: second } }
              - { name: ended_at, type: time, type_params: { time_granularity: second } }
              - { name: started_month, type: time, expr: month, is_partition: true, partitions: at, type_params: { time_granularity: month } }
              - { name: country, type: categorical }
              - { name: device, type: categorical }
              - { name: score, type: categorical }
              - { name: is_bounce, type: categorical }
              - { name: customer, type: categorical }
            measures:
              - { name: visit_rows, agg: count, expr: 1 }
              - { name: scored, agg: count, expr: score }
              - { name: visitor_count, agg: count_distinct, expr: visitor_id }
              - { name: visitor_estimate, agg: approx_count_distinct, expr: visitor_id }
              - { name: visit_estimate, agg: approx_count_distinct, expr: visit_id }
              - { name: bounce_count, agg: sum_boolean, expr: is_bounce }
              - { name: second_sum, agg: sum, expr: seconds }
              - { name: second_min, agg: min, expr: seconds }
              - { name: second_max, agg: max, expr: seconds }
              - { name: second_mean, agg: average, expr: seconds }
              - { name: second_median, agg: median, expr: seconds }
              - { name: second_p90, agg: percentile, expr: seconds, agg_params: { percentile: 0.9 } }
              - { name: second_p25, agg: percentile, expr: seconds, agg_params: { percentile: 0.25, use_discrete_percentile: true } }
              - { name: second_about_median, agg: median, expr: seconds, agg_params: { use_approximate_percentile: true } }
              - { name: second_about_p90, agg: percentile, expr: seconds, agg_params: { percentile: 0.9, use_approximate_percentile: true } }
              - { name: ended_rows, agg: count, expr: 1, agg_time_dimension: ended_at }
              - { name: last_second_sum, agg: sum, expr: seconds, non_additive_dimension: { name: at, window_choice: max } }
              - { name: last_ended_sum, agg: sum, expr: seconds, agg_time_dimension: ended_at, non_additive_dimension: { name: at, window_choice: max } }
              - { name: first_score_mean, agg: average, expr: score, non_additive_dimension: { name: at, window_choice: min, window_groupings: [visitor] } }
          - name: orders
            node_relation: { schema_name: shop, alias: orders }
            defaults: { agg_time_dimension: placed_at }
            entities:
              - { name: order, type: primary, expr: order_id }
              - { name: visit, type: foreign, expr: visit_id }
              - { name: show, type: foreign, expr: show_id }
            dimensions:
              - { name: placed_at, type: time, type_params: { time_granularity: second } }
              - { name: voucher, type: categorical }
              - { name: is_large, type: categorical, expr: amount > 10 }
            measures:
              - { name: order_rows, agg: count, expr: order_id }
              - { name: amount_sum, agg: sum, expr: amount }
              - { name: amount_twice, agg: sum, expr: amount * 2 }
              - { name: amount_mean, agg: average, expr: amount }
              - { name: amount_median, agg: median, expr: amount }
              - { name: amount_max, agg: max, expr: amount }
              - { name: extra_sum, agg: sum, expr: quantity - 1 }
              - { name: weight_sum, agg: sum, expr: weight }
              - { name: weight_mean, agg: average, expr: weight }
              - { name: voucher_count, agg: count_distinct, expr: voucher }
              - { name: extra_about_p25, agg: percentile, expr: quantity - 1, agg_params: { percentile: 0.25, use_approximate_percentile: true, use_discrete_percentile: true } }
              - { name: amount_about_p99, agg: percentile, expr: amount, agg_params: { percentile: 0.99, use_approximate_percentile: true } }
              - { name: amount_estimate, agg: approx_count_distinct, expr: amount }
          - name: plays
            model: ref('plays')
            primary_entity: play
            defaults: { agg_time_dimension: played_on }
            entities:
              - { name: show, type: foreign, expr: show_id }
              - { name: visitor, type: foreign, expr: visitor_id }
            dimensions:
              - { name: played_on, type: time, type_params: { time_granularity: day } }
            measures:
              - { name: play_sum, agg: sum, expr: plays }
              - { name: minute_sum, agg: sum, expr: minutes }
              - { name: last_play_sum, agg: sum, expr: plays, non_additive_dimension: { name: played_on, window_choice: max, window_groupings: [show] } }
              - { name: last_player_count, agg: count_distinct, expr: visitor_id, non_additive_dimension: { name: played_on, window_choice: max } }
              - { name: last_player_estimate, agg: approx_count_distinct, expr: visitor_id, non_additive_dimension: { name: played_on, window_choice: max } }
              - { name: day_estimate, agg: approx_count_distinct, expr: played_on }
              - { name: minute_mean, agg: average, expr: minutes }
              - { name: player_count, agg: count_distinct, expr: visitor_id }
          - name: targets
            model: ref('targets')
            primary_entity: aim
            defaults: { agg_time_dimension: for_month }
            entities:
              - { name: show, type: foreign, expr: show_id }
            dimensions:
              - { name: for_month, type: time, expr: month, type_params: { time_granularity: month } }
            measures:
              - { name: target_sum, agg: sum, expr: target }
          - name: shows
            model: ref('shows')
            entities:
              - { name: show, type: primary, expr: id }
              - { name: studio, type: foreign, expr: studio_id }
            dimensions:
              - { name: title, type: categorical }
              - { name: rating, type: categorical }
              - { name: released_on, type: time, type_params: { time_granularity: day } }
          - name: studios
            model: ref('studios')
            entities:
              - { name: studio, type: primary, expr: studio_id }
              - { name: land, type: foreign, expr: land_code }
            dimensions:
              - { name: name, type: categorical }
          - name: lands
            model: ref('lands')
            entities:
              - { name: land, type: primary, expr: code }
            dimensions:
              - { name: continent, type: categorical }
          - name: memberships
            model: ref('memberships')
            primary_entity: membership
            entities:
              - { name: visitor, type: natural, expr: visitor_id }
              - { name: studio, type: foreign, expr: studio_id }
            dimensions:
              - { name: tier, type: categorical }
              - { name: since, type: time, type_params: { time_granularity: day, validity_params: { is_start: true } } }
              - { name: until, type: time, type_params: { time_granularity: day, validity_params: { is_end: true } } }
          - name: campaigns
            model: ref('campaigns')
            primary_entity: campaign
            entities:
              - { name: channel, type: natural, expr: device }
            dimensions:
              - { name: slogan, type: categorical }
              - { name: started_at, type: time, type_params: { time_granularity: second, validity_params: { is_start: true } } }
              - { name: stopped_at, type: time, type_params: { time_granularity: second, validity_params: { is_end: true } } }
          - name: visitors
            model: ref('visitors')
            entities:
              - { name: visitor, type: primary, expr: visitor_id }
            dimensions:
              - { name: plan, type: categorical }
              - { name: birth_year, type: categorical }
              - { name: first_seen_at, type: time, type_params: { time_granularity: second } }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visit_rows } }
          - { name: late_visits, type: simple, filter: "{{ TimeDimension('metric_time', 'day') }} >= '2024-07-01'", type_params: { measure: visit_rows } }
          - { name: weekend_seconds, type: simple, filter: "{{ TimeDimension('visit__at', 'day', date_part_name='dow') }} IN (6, 7)", type_params: { measure: second_sum } }
          - { name: visits_of_known, type: simple, filter: "{{ TimeDimension('visitor__first_seen_at', 'day') }} >= '2024-03-01'", type_params: { measure: visit_rows } }
          - { name: scored, type: simple, type_params: { measure: scored } }
          - { name: visitors, type: simple, type_params: { measure: visitor_count } }
          - { name: about_visitors, type: simple, type_params: { measure: visitor_estimate } }
          - { name: about_visits, type: simple, type_params: { measure: { name: visit_estimate, fill_nulls_with: 0 } } }
          - { name: about_mobile_visitors, type: simple, filter: "{{ Dimension('visit__device') }} = 'mobile'", type_params: { measure: visitor_estimate } }
          - { name: about_amounts, type: simple, type_params: { measure: amount_estimate } }
          - { name: about_days, type: simple, type_params: { measure: day_estimate } }
          - { name: about_last_players, type: simple, type_params: { measure: last_player_estimate } }
          - { name: about_median_seconds, type: simple, type_params: { measure: second_about_median } }
          - { name: about_p90_seconds, type: simple, type_params: { measure: second_about_p90 } }
          - { name: about_p90_seconds_28d, type: cumulative, type_params: { measure: second_about_p90, cumulative_type_params: { window: 28 days, period_agg: last } } }
          - { name: about_p25_extras, type: simple, type_params: { measure: extra_about_p25 } }
          - { name: about_p99_amount, type: simple, type_params: { measure: amount_about_p99 } }
          - { name: visits_per_visitor, type: ratio, type_params: { numerator: visits, denominator: about_visitors } }
          - name: about_visitors_growth
            type: derived
            type_params:
              expr: a - b
              metrics: [{ name: about_visitors, alias: a }, { name: about_visitors, alias: b, offset_window: 1 month }]
          - { name: about_visitors_28d, type: cumulative, type_params: { measure: visitor_estimate, cumulative_type_params: { window: 28 days, period_agg: last } } }
          - { name: about_visits_ytd, type: cumulative, type_params: { measure: visit_estimate, cumulative_type_params: { grain_to_date: year, period_agg: average } } }
          - { name: bounces, type: simple, type_params: { measure: bounce_count } }
          - { name: seconds, type: simple, type_params: { measure: second_sum } }
          - { name: last_seconds, type: simple, type_params: { measure: last_second_sum } }
          - name: last_mobile_seconds
            type: simple
            filter: "{{ Dimension('visit__device') }} = 'mobile'"
            type_params: { measure: last_second_sum }
          - { name: last_ended_seconds, type: simple, type_params: { measure: last_ended_sum } }
          - { name: first_scores, type: simple, type_params: { measure: first_score_mean } }
          - { name: last_plays, type: simple, type_params: { measure: last_play_sum } }
          - { name: last_players, type: simple, type_params: { measure: last_player_count } }
          - { name: last_plays_share, type: ratio, type_params: { numerator: last_plays, denominator: plays } }
          - { name: least_seconds, type: simple, type_params: { measure: second_min } }
          - { name: most_seconds, type: simple, type_params: { measure: second_max } }
          - { name: mean_seconds, type: simple, type_params: { measure: second_mean } }
          - { name: median_seconds, type: simple, type_params: { measure: second_median } }
          - { name: p90_seconds, type: simple, type_params: { measure: second_p90 } }
          - { name: p25_seconds, type: simple, type_params: { measure: second_p25 } }
          - { name: ended, type: simple, type_params: { measure: ended_rows } }
          - name: mobile_visits
            type: simple
            filter: "{{ Dimension('visit__device') }} = 'mobile'"
            type_params: { measure: { name: visit_rows, filter: "{{ Dimension('visit__score') }} > 2 or {{ Dimension('visit__score') }} is null" } }
          - { name: seconds_or_zero, type: simple, type_params: { measure: { name: second_sum, fill_nulls_with: 0 } } }
          - { name: drama_visits, type: simple, filter: "{{ Dimension('show__genre') }} = 'drama'", type_params: { measure: { name: visit_rows, fill_nulls_with: 7 } } }
          - { name: orders, type: simple, type_params: { measure: order_rows } }
          - { name: revenue, type: simple, type_params: { measure: amount_sum } }
          - { name: revenue_twice, type: simple, type_params: { measure: amount_twice } }
          - { name: mean_amount, type: simple, type_params: { measure: amount_mean } }
          - { name: median_amount, type: simple, type_params: { measure: amount_median } }
          - { name: most_amount, type: simple, type_params: { measure: amount_max } }
          - { name: extras, type: simple, type_params: { measure: extra_sum } }
          - { name: weight, type: simple, type_params: { measure: weight_sum } }
          - { name: mean_weight, type: simple, type_params: { measure: weight_mean } }
          - { name: vouchers, type: simple, type_params: { measure: voucher_count } }
          - { name: german_revenue, type: simple, filter: "{{ Dimension('visit__country') }} = 'DE'", type_params: { measure: amount_sum } }
          - { name: plays, type: simple, type_params: { measure: play_sum } }
          - { name: minutes, type: simple, type_params: { measure: minute_sum } }
          - { name: mean_minutes, type: simple, type_params: { measure: minute_mean } }
          - { name: players, type: simple, type_params: { measure: player_count } }
          - { name: target, type: simple, type_params: { measure: target_sum } }
          - { name: bounce_rate, type: ratio, type_params: { numerator: bounces, denominator: visits } }
          - name: paid_share
            type: ratio
            type_params:
              numerator: { name: revenue, filter: "{{ Dimension('order__voucher') }} is null" }
              denominator: revenue
          - name: mobile_share
            type: ratio
            filter: "{{ Dimension('visit__country') }} in ('DE', 'FR')"
            type_params:
              numerator: mobile_visits
              denominator: { name: visits, filter: "{{ Dimension('visit__is_bounce') }} = false" }
          - { name: orders_per_visit, type: ratio, type_params: { numerator: orders, denominator: visits } }
          - { name: attainment, type: ratio, type_params: { numerator: plays, denominator: target } }
          - { name: revenue_per_visit, type: derived, type_params: { expr: "revenue / nullif(visits, 0)", metrics: [revenue, visits] } }
          - name: visits_growth
            type: derived
            type_params:
              expr: (a - b) / nullif(b, 0)
              metrics: [{ name: visits, alias: a }, { name: visits, alias: b, offset_window: 1 month }]
          - { name: activity, type: derived, type_params: { expr: "coalesce(plays, 0) + coalesce(orders, 0) * 2", metrics: [plays, orders] } }
          - { name: growth_percent, type: derived, type_params: { expr: 100 * growth, metrics: [{ name: visits_growth, alias: growth }] } }
          - name: odd_score
            type: derived
            filter: "{{ Dimension('visit__device') }} is not null"
            type_params:
              expr: rate * visits + share
              metrics: [{ name: bounce_rate, alias: rate }, { name: visits, filter: "{{ Dimension('visit__country') }} <> 'FR'" }, { name: mobile_share, alias: share }]
          - name: minutes_change
            type: derived
            type_params:
              expr: now - before
              metrics: [{ name: minutes, alias: now }, { name: minutes, alias: before, offset_window: 3 days }]
          - { name: visits_ever, type: cumulative, type_params: { measure: visit_rows } }
          - { name: seconds_28d, type: cumulative, type_params: { measure: second_sum, cumulative_type_params: { window: 28 days, period_agg: last } } }
          - { name: mean_seconds_mtd, type: cumulative, type_params: { measure: second_mean, cumulative_type_params: { grain_to_date: month, period_agg: average } } }
          - name: mobile_visitors_7d
            type: cumulative
            filter: "{{ Dimension('visit__device') }} = 'mobile'"
            type_params: { measure: { name: visitor_count, fill_nulls_with: 0 }, cumulative_type_params: { window: 7 days } }
          - { name: revenue_ytd, type: cumulative, type_params: { measure: amount_sum, cumulative_type_params: { grain_to_date: year } } }
          - { name: plays_2m, type: cumulative, type_params: { measure: play_sum, cumulative_type_params: { window: 2 months, period_agg: last } } }
          - { name: targets_ever, type: cumulative, type_params: { measure: target_sum } }
          - name: visits_since_month_start
            type: derived
            type_params:
              expr: visits - start
              metrics: [visits, { name: visits, alias: start, offset_to_grain: month }]
          - name: visits_ever_gain
            type: derived
            type_params:
              expr: now - before
              metrics: [{ name: visits_ever, alias: now }, { name: visits_ever, alias: before, offset_window: 1 month }]
          - name: growth_change
            type: derived
            type_params:
              expr: now - before
              metrics: [{ name: visits_growth, alias: now }, { name: visits_growth, alias: before, offset_window: 7 days }]
          - name: order_rate
            type: conversion
            type_params: { conversion_type_params: { entity: visit, base_measure: visit_rows, conversion_measure: order_rows } }
          - name: show_orders
            type: conversion
            type_params:
              conversion_type_params:
                entity: show
                calculation: conversions
                window: 90 days
                base_measure: { name: visit_rows, filter: "{{ Dimension('visit__device') }} <> 'tv'" }
                conversion_measure: { name: amount_sum, filter: "{{ Dimension('visit__country') }} is not null", fill_nulls_with: 0 }
          - name: play_rate
            type: conversion
            filter: "{{ Dimension('visit__score') }} > 0"
            type_params: { conversion_type_params: { entity: visitor, base_measure: visit_rows, conversion_measure: play_sum, window: 5 months } }
          - { name: loyal_visits, type: simple, filter: "{{ Metric('visits', ['visitor']) }} >= 3", type_params: { measure: visit_rows } }
          - { name: visits_every_day, type: simple, type_params: { measure: { name: visit_rows, join_to_timespine: true, fill_nulls_with: 0 } } }
          - { name: plays_every_day, type: simple, type_params: { measure: { name: play_sum, join_to_timespine: true } } }
        lookups:
          - { name: countries, path: lookups/countries.csv, key: code, dimension: visit__country, attributes: [name, region] }
          - { name: shows, path: lookups/shows.csv, key: id, dimension: show, attributes: [genre] }
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'", daily_queries: 1000, rate: 5/s }
          - { name: globex, where: "{{ Dimension('visit__customer') }} = 'globex'", daily_queries: 1000, rate: 5/s }
        """;
}
