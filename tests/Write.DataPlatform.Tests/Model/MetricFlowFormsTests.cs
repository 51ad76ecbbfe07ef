using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

/// <summary>Files in the forms that MetricFlow and dbt document load as they are.</summary>
public sealed class MetricFlowFormsTests
{
    [Fact]
    public void One_document_an_object_with_node_relations()
    {
        var model = ModelFolder.LoadGood(("metricflow.yaml", """
            ---
            semantic_model:
              name: bookings_source
              description: bookings_source
              node_relation:
                schema_name: $source_schema
                alias: fct_bookings
              defaults:
                agg_time_dimension: ds
              measures:
                - name: bookings
                  expr: "1"
                  agg: sum
                  create_metric: true
                - name: instant_bookings
                  expr: is_instant
                  agg: sum_boolean
                - name: booking_value_p99
                  expr: booking_value
                  agg: PERCENTILE
                  agg_params:
                    percentile: 0.99
                    use_discrete_percentile: True
                    use_approximate_percentile: False
                - name: discrete_booking_value
                  agg: max
                  expr: booking_value
                  agg_time_dimension: paid_at
                  non_additive_dimension:
                    name: ds
                    window_choice: min
                    window_groupings:
                      - guest
              dimensions:
                - name: is_instant
                  type: categorical
                - name: ds
                  type: time
                  type_params:
                    time_granularity: day
                - name: paid_at
                  type: TIME
                  type_params:
                    time_granularity: millisecond
                - name: ds_partitioned
                  type: time
                  is_partition: yes
                  expr: ds
                  type_params:
                    time_granularity: day
              primary_entity: booking
              entities:
                - name: listing
                  type: foreign
                  expr: listing_id
                - name: guest
                  type: foreign
                  expr: guest_id
                  role: renter
            ---
            semantic_model:
              name: listings_latest
              node_relation:
                database: db
                relation_name: '"db"."demo"."dim_listings_latest"'
                schema_name: demo
                alias: dim_listings_latest
              entities:
                - name: listing
                  type: primary
                  expr: listing_id
              dimensions:
                - name: country_latest
                  type: categorical
                  expr: country
            ---
            metric:
              name: instant_booking_fraction_of_max
              description: |
                Several lines
                of description.
              type: derived
              type_params:
                expr: "CAST(instant AS double) / NULLIF(all_bookings, 0)"
                metrics:
                  - name: instant_bookings
                    alias: instant
                    filter: |
                      {{ Dimension('listing__country_latest') }} = 'us'
                  - name: bookings
                    alias: all_bookings
                    offset_to_grain: month
            ---
            metric:
              name: instant_bookings
              type: simple
              type_params:
                measure:
                  name: instant_bookings
                  alias: something
                  filter:
                    - "{{ Dimension('booking__is_instant') }}"
                    - "{{ TimeDimension('metric_time', 'day') }} >= '2020-01-01'"
              filter: "{{ Entity('listing') }} IS NOT NULL"
            ---
            metric:
              name: trailing
              type: cumulative
              type_params:
                measure: bookings
                window: 2 months
            ---
            metric:
              name: visit_buy_conversions
              type: CONVERSION
              type_params:
                conversion_type_params:
                  base_measure: { name: bookings, fill_nulls_with: 0 }
                  conversion_measure: instant_bookings
                  entity: guest
                  calculation: CONVERSIONS
                  window: 7 days
                  constant_properties:
                    - base_property: listing
                      conversion_property: listing
            ---
            project_configuration:
              time_spine_table_configurations:
                - location: example_schema.mf_time_spine
                  column_name: ds
                  grain: day
              time_spines:
                - node_relation:
                    alias: mf_time_spine_second
                    schema_name: example_schema
                  primary_column:
                    name: ts
                    time_granularity: second
            ---
            saved_query:
              name: p0_booking
              description: Booking-related metrics that are of the highest priority.
              query_params:
                metrics:
                  - bookings
                  - instant_bookings
                group_by:
                  - TimeDimension('metric_time', 'day')
                  - Dimension('listing__country_latest')
                where:
                  - "{{ Dimension('listing__country_latest') }} is not null"
                order_by:
                  - Metric('bookings').descending(True)
                limit: 10
              exports:
                - name: bookings
                  config:
                    export_as: table
                    schema: exports_schema
            """));

        var source = model.SemanticModels["bookings_source"];
        Assert.Equal(("$source_schema.fct_bookings", "booking"), (source.Table, source.PrimaryEntity));
        Assert.Equal("demo.dim_listings_latest", model.SemanticModels["listings_latest"].Table);
        Assert.Equal((Aggregation.Percentile, true, false), (model.Measures["booking_value_p99"].Aggregation, model.Measures["booking_value_p99"].UseDiscretePercentile, model.Measures["booking_value_p99"].UseApproximatePercentile));
        var semiAdditive = model.Measures["discrete_booking_value"];
        Assert.Equal(("ds", false, "guest", "paid_at"), (semiAdditive.NonAdditive!.Name, semiAdditive.NonAdditive.WindowChoiceMax, semiAdditive.NonAdditive.WindowGroupings[0], semiAdditive.AggTimeDimension));
        Assert.Equal(TimeGrain.Millisecond, source.Dimensions["paid_at"].Granularity);
        Assert.True(source.Dimensions["ds_partitioned"].IsPartition);
        Assert.Equal(new CalendarPeriod(2, TimeGrain.Month), Assert.IsType<CumulativeMetric>(model.Metrics["trailing"]).Window);
        Assert.False(Assert.IsType<ConversionMetric>(model.Metrics["visit_buy_conversions"]).IsRate);
        Assert.Equal(
            new AndFilter(
            [
                new ComparisonFilter(FieldName.Parse("booking__is_instant"), FilterOperator.Equals, [true]),
                new ComparisonFilter(FieldName.Parse("metric_time__day"), FilterOperator.Gte, ["2020-01-01"]),
            ]),
            Assert.IsType<SimpleMetric>(model.Metrics["instant_bookings"]).Measure.Filter);
        Assert.Equal(["example_schema.mf_time_spine", "example_schema.mf_time_spine_second"], model.TimeSpines.Keys);
        Assert.Equal(
            """{"metrics":["bookings","instant_bookings"],"groupBy":["metric_time__day","listing__country_latest"],"where":{"field":"listing__country_latest","op":"isSet","values":[]},"orderBy":[{"field":"bookings","descending":true}],"limit":10}""",
            model.SavedQueries["p0_booking"].Query.ToJsonString());
    }

    [Fact]
    public void Dbt_lists_with_references_anchors_and_foreign_sections()
    {
        var model = ModelFolder.LoadGood(("dbt.yml", """
            version: 2
            models:
              - name: time_spine_daily
                description: A day a row
                config: { materialized: table }
                time_spine:
                  standard_granularity_column: date_day
                  custom_granularities:
                    - name: fiscal_year
                      column_name: fiscal_year_column
                columns:
                  - name: date_day
                    granularity: day
                    data_tests: [unique]
              - name: orders
                columns: [{ name: order_id }]
            sources:
              - name: raw
                tables: [{ name: orders }]
            semantic_models:
              - name: orders
                model: "{{ ref('shop', 'orders') }}"
                config: { meta: { owner: sales } }
                defaults: { agg_time_dimension: ordered_at }
                entities:
                  - &key { name: order, type: primary, expr: order_id }
                  - <<: *key
                    name: customer
                    type: foreign
                dimensions:
                  - name: ordered_at
                    type: time
                    expr: date_trunc('day', ordered_at)
                    label: Ordered
                    type_params: { time_granularity: day }
                measures:
                  - name: order_total
                    agg: sum
                    label: Total
              - name: switched_off
                model: ref('off')
                config: { enabled: false }
                defaults: { agg_time_dimension: at }
                entities: [{ name: off, type: primary }]
                dimensions: [{ name: at, type: time, type_params: { time_granularity: day } }]
                measures: [{ name: offs, agg: sum, create_metric: true }]
              - name: tariffs
                model: source('raw', 'tariffs')
                primary_entity: tariff
                config: { enabled: true }
                entities: [{ name: tariff, type: natural, expr: id }]
                dimensions:
                  - { name: valid_from, type: time, type_params: { time_granularity: day, validity_params: { is_start: True } } }
                  - { name: valid_to, type: time, type_params: { time_granularity: day, validity_params: { is_end: True } } }
            metrics:
              - name: order_total
                label: Order total
                type: simple
                config: { enabled: on, tags: [money], meta: { team: sales } }
                type_params: { measure: order_total }
              - name: switched_off
                label: Off
                type: simple
                config: { enabled: false }
                type_params: { measure: order_total }
            exposures: []
            """));

        Assert.Equal("orders", model.SemanticModels["orders"].Table);
        Assert.Equal("raw.tariffs", model.SemanticModels["tariffs"].Table);
        Assert.Equal(("customer", EntityType.Foreign, "order_id"), model.SemanticModels["orders"].Entities["customer"] is var e ? (e.Name, e.Type, e.Expr) : default);
        Assert.Equal(["order_total"], model.Metrics.Keys);
        var spine = model.TimeSpines["time_spine_daily"];
        Assert.Equal(("date_day", TimeGrain.Day, ("fiscal_year", "fiscal_year_column")), (spine.Column, spine.Grain, spine.CustomGranularities[0]));
    }

    [Theory]
    [InlineData("3d", 3 * 86_400)]
    [InlineData("1h", 3_600)]
    [InlineData("15m", 900)]
    [InlineData("30s", 30)]
    [InlineData("2w", 14 * 86_400)]
    [InlineData("P3D", 3 * 86_400)]
    [InlineData("PT15M", 900)]
    [InlineData("P1DT2H", 93_600)]
    public void Durations(string text, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Write.DataPlatform.Model.Reading.Spelling.Duration(text));

    [Theory]
    [InlineData("P1M")]
    [InlineData("1")]
    [InlineData("d")]
    [InlineData("1 fortnight")]
    [InlineData("999999999999999999w")]
    [InlineData("")]
    public void What_is_no_duration(string text) => Assert.Null(Write.DataPlatform.Model.Reading.Spelling.Duration(text));

    [Theory]
    [InlineData("7 days", 7, TimeGrain.Day)]
    [InlineData("1 month", 1, TimeGrain.Month)]
    [InlineData("1 MONTHS", 1, TimeGrain.Month)]
    [InlineData("2 quarters", 2, TimeGrain.Quarter)]
    [InlineData("7d", 7, TimeGrain.Day)]
    [InlineData("P1M", 1, TimeGrain.Month)]
    [InlineData("PT5M", 5, TimeGrain.Minute)]
    public void Periods(string text, int count, TimeGrain grain) =>
        Assert.Equal(new CalendarPeriod(count, grain), Write.DataPlatform.Model.Reading.Spelling.Period(text));
}
