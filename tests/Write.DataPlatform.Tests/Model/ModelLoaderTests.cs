using System.Text.Json.Nodes;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

public sealed class ModelLoaderTests
{
    [Fact]
    public void Everything_that_is_written_is_in_the_model()
    {
        var model = ModelFolder.LoadGood(ModelSample.Files);

        Assert.Equal("Europe/Berlin", model.TimeZone.Id);
        Assert.Equal(new ModelCalendar(DayOfWeek.Sunday, FiscalYearStartMonth: 4), model.Calendar);
        var visits = model.SemanticModels["visits"];
        Assert.Equal(("visits", "visit"), (visits.Table, visits.PrimaryEntity));
        Assert.Equal("web.shows", model.SemanticModels["shows"].Table);
        Assert.Equal(("1", Aggregation.Count, "started_at"), (model.Measures["visits"].Expr, model.Measures["visits"].Aggregation, model.Measures["visits"].AggTimeDimension));
        Assert.Equal(0.9, model.Measures["seconds_p90"].Percentile);
        Assert.IsType<SimpleMetric>(model.Metrics["seconds_p90"]);
        Assert.Equal(("started_at", true, TimeGrain.Day), (visits.Dimensions["visit_day"].Partitions, visits.Dimensions["visit_day"].IsPartition, visits.Dimensions["visit_day"].Granularity));

        var metric = Assert.IsType<SimpleMetric>(model.Metrics["visits"]);
        Assert.Equal(new MeasureInput("visits", null, JoinToTimeSpine: true, FillNullsWith: 0), metric.Measure);
        Assert.Equal(("visits", "#,0", "Visits"), (metric.Unit, metric.Format, metric.Label));
        var growth = Assert.IsType<DerivedMetric>(model.Metrics["visits_growth"]);
        Assert.Equal([new MetricInput("visits"), new MetricInput("visits", "visits_before", null, new CalendarPeriod(1, TimeGrain.Month))], growth.Metrics.AsEnumerable());
        var rate = Assert.IsType<RatioMetric>(model.Metrics["bounce_rate"]);
        Assert.Equal(new ComparisonFilter(FieldName.Parse("visit__country"), FilterOperator.IsSet, []), rate.Denominator.Filter);
        var toDate = Assert.IsType<CumulativeMetric>(model.Metrics["visits_to_date"]);
        Assert.Equal((TimeGrain.Month, PeriodAggregation.Last, null), (toDate.GrainToDate, toDate.PeriodAggregation, toDate.Window));
        var conversion = Assert.IsType<ConversionMetric>(model.Metrics["bounce_conversion"]);
        Assert.Equal((new CalendarPeriod(7, TimeGrain.Day), true, "visitor"), (conversion.Window, conversion.IsRate, conversion.Entity));
        Assert.Equal(["came", "left"], Assert.IsType<FunnelMetric>(model.Metrics["journey"]).Steps.Select(s => s.Name));
        Assert.Equal(TimeGrain.Week, Assert.IsType<RetentionMetric>(model.Metrics["coming_back"]).Period);

        var gold = model.GoldTables["visits_daily"];
        Assert.Equal((TimeGrain.Day, TimeGrain.Month, Audience.External), (gold.Grain, gold.Partition, gold.Audience));
        Assert.Equal((TimeSpan.FromHours(1), new DateOnly(2024, 1, 1), "Europe/Berlin"), (gold.Freshness, gold.From, gold.TimeZone.Id));
        Assert.Equal(("*/15 * * * *", "Europe/Berlin", TimeSpan.FromDays(3)), (gold.Refresh!.Cron, gold.Refresh.TimeZone.Id, gold.Refresh.LookBack));

        var countries = model.Lookups["countries"];
        Assert.Equal(["DE", "FR", "JP"], countries.Rows.Select(r => r.Key));
        Assert.Equal(["Germany", "Europe", "France", null, "Nippon, 日本", "Asia"], countries.Rows.SelectMany(r => r.Values));
        Assert.Equal(new Tenant("acme", new ComparisonFilter(FieldName.Parse("visit__customer"), FilterOperator.Equals, ["acme"]), 100_000, 50, model.Tenants["acme"].Source), model.Tenants["acme"]);
        Assert.Equal((TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), "page-views"), (model.Streams["page_views"].Window, model.Streams["page_views"].AllowedLateness, model.Streams["page_views"].StreamSource));
        Assert.Equal(("day", TimeGrain.Day, ("fiscal_year", "fiscal_year")), (model.TimeSpines["web.days"].Column, model.TimeSpines["web.days"].Grain, model.TimeSpines["web.days"].CustomGranularities[0]));
    }

    [Fact]
    public void Queries_become_the_contracts_json()
    {
        var model = ModelFolder.LoadGood(ModelSample.Files);

        Same(
            """
            {"metrics":["visits","bounce_rate"],"groupBy":["metric_time__month"],"timeRange":{"from":"2024-01-01","to":"2025-01-01"},
             "compare":{"to":"previousYear"},"having":{"field":"visits","op":"gte","values":[100,1.5,"7"]},"limit":10}
            """,
            model.Insights["kpi-year-on-year"].Query);
        Same(
            """
            {"metrics":["visits"],"groupBy":["visit__country","metric_time__month"],"where":{"field":"visit__device","op":"in","values":["mobile","tablet"]},
             "orderBy":[{"field":"visits","descending":true}],"limit":5}
            """,
            model.SavedQueries["top_countries"].Query);
    }

    private static void Same(string expected, JsonNode actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual.ToJsonString())), actual.ToJsonString());
}
