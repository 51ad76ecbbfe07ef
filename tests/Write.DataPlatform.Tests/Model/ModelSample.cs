namespace Write.DataPlatform.Tests.Model;

/// <summary>A model that uses every document, small enough to read.</summary>
internal static class ModelSample
{
    public static readonly (string, string) Countries = ("lookups/countries.csv", "code,name,region\nDE,Germany,Europe\nFR,France,\nJP,\"Nippon, 日本\",Asia\n");

    public static readonly (string, string) Shows = ("lookups/shows.csv", "id,genre\ns1,drama\ns2,news\n");

    public static readonly (string, string) Model = ("model.yaml", """
        model:
          time_zone: Europe/Berlin
          week_start: sunday
          fiscal_year_start_month: 4
        semantic_models:
          - name: visits
            description: A visit a row
            model: ref('visits')
            defaults:
              agg_time_dimension: started_at
            entities:
              - name: visit
                type: primary
                expr: visit_id
              - name: show
                type: foreign
                expr: show_id
              - name: visitor
                type: foreign
                expr: visitor_id
            dimensions:
              - name: started_at
                type: time
                type_params:
                  time_granularity: second
              - name: visit_day
                type: time
                expr: dt
                is_partition: true
                partitions: started_at
                type_params:
                  time_granularity: day
              - name: country
                type: categorical
              - name: device
                type: categorical
              - name: customer
                type: categorical
              - name: is_bounce
                type: categorical
            measures:
              - name: visits
                agg: count
                expr: 1
              - name: bounces
                agg: sum_boolean
                expr: is_bounce
              - name: visitors
                agg: approx_count_distinct
                expr: visitor_id
              - name: seconds_p90
                agg: percentile
                expr: seconds
                agg_params:
                  percentile: 0.9
                create_metric: true
          - name: shows
            node_relation:
              schema_name: web
              alias: shows
            entities:
              - name: show
                type: primary
                expr: id
            dimensions:
              - name: title
                type: categorical
        metrics:
          - name: visits
            type: simple
            label: Visits
            type_params:
              measure:
                name: visits
                fill_nulls_with: 0
                join_to_timespine: true
            config:
              meta: { unit: visits, format: "#,0" }
          - name: mobile_visits
            type: simple
            filter: "{{ Dimension('visit__device') }} = 'mobile'"
            type_params: { measure: visits }
          - name: bounces
            type: simple
            type_params: { measure: bounces }
          - name: bounce_rate
            type: ratio
            type_params:
              numerator: bounces
              denominator: { name: visits, filter: "{{ Dimension('visit__country') }} is not null" }
          - name: visits_growth
            type: derived
            type_params:
              expr: (visits - visits_before) / nullif(visits_before, 0)
              metrics:
                - name: visits
                - { name: visits, alias: visits_before, offset_window: 1 month }
          - name: visits_to_date
            type: cumulative
            type_params:
              measure: visits
              cumulative_type_params: { grain_to_date: month, period_agg: last }
          - name: bounce_conversion
            type: conversion
            type_params:
              conversion_type_params:
                entity: visitor
                base_measure: visits
                conversion_measure: bounces
                window: 7 days
          - name: journey
            type: funnel
            type_params:
              entity: visitor
              steps:
                - { name: came, measure: visits }
                - { name: left, measure: bounces, filter: "{{ Dimension('visit__device') }} = 'mobile'" }
              window: 1 day
          - name: coming_back
            type: retention
            type_params: { entity: visitor, cohort: visits, returns: [visits], period: week }
        gold_tables:
          - name: visits_daily
            metrics: [visits, bounce_rate]
            group_by: [visit__country, visit__device, visit__customer, visit__show__genre, visit__country__region]
            grain: day
            partition: month
            audience: external
            freshness: 1h
            from: 2024-01-01
            refresh: { cron: "*/15 * * * *", look_back: 3d }
        lookups:
          - { name: countries, path: lookups/countries.csv, key: code, dimension: visit__country, attributes: [name, region] }
          - { name: shows, path: lookups/shows.csv, key: id, dimension: show, attributes: [genre] }
        insights:
          - name: kpi-year-on-year
            description: Monthly KPIs against the same month a year before
            audience: external
            query:
              metrics: [visits, bounce_rate]
              group_by: [metric_time__month]
              time_range: { from: 2024-01-01, to: 2025-01-01 }
              compare: { to: previousYear }
              having: { field: visits, op: gte, values: [100, 1.5, "7"] }
              limit: 10
            parameters:
              - { name: country, field: visit__country, multiple: true }
              - { name: from, sets: timeRange.from }
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'", daily_queries: 100000, rate: 50/s }
        streams:
          - { name: page_views, semantic_model: visits, source: page-views, window: 1m, allowed_lateness: 2m, tables: [visits_daily] }
        time_spines:
          - node_relation: { schema_name: web, alias: days }
            primary_column: { name: day, time_granularity: day }
            custom_granularities:
              - { name: fiscal_year, column_name: fiscal_year }
        saved_queries:
          - name: top_countries
            query_params:
              metrics: [visits]
              group_by: ["Dimension('visit__country')", "TimeDimension('metric_time', 'month')"]
              where: ["{{ Dimension('visit__device') }} in ('mobile', 'tablet')"]
              order_by: ["-visits"]
              limit: 5
        """);

    public static (string, string)[] Files => [Model, Countries, Shows];
}
