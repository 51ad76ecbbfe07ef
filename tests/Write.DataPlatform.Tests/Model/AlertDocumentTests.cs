using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

public sealed class AlertDocumentTests
{
    [Fact]
    public void An_alert_is_read_as_it_is_written()
    {
        var model = ModelFolder.LoadGood(Files());
        var alert = model.Alerts["a"];
        Assert.Equal(
            (Severity.Critical, "visits", TimeGrain.Week, "Europe/Berlin", 3, "acme", "ops", AlertPeriod.Complete),
            (alert.Severity, alert.Metric, alert.Grain, alert.TimeZone!.Id, alert.For, alert.Tenant, alert.Channel, alert.Period));
        Assert.Equal(new AlertCondition(2, -30.5, AlertReference.Baseline, AlertMeasure.Deviations, 10), alert.Condition);
        Assert.Equal(("0 7 * * *", "America/New_York"), (alert.Schedule.Cron, alert.Schedule.TimeZone.Id));
        Assert.Equal(("Europe/Berlin", AlertMeasure.Percent), (model.Alerts["b"].Schedule.TimeZone.Id, model.Alerts["b"].Condition!.By));
        Assert.Equal(AlertPeriod.Current, model.Alerts["c"].Period);
        Assert.Equal(["FR", "DE"], model.Reports["r"].Parameters["country"]);
        Assert.Equal(ReportFormat.Svg, model.Reports["r"].Format);
    }

    private static (string, string)[] Files() =>
    [
        ("model.yaml", """
            model: { time_zone: Europe/Berlin }
            semantic_models:
              - name: visits
                model: ref('visits')
                defaults: { agg_time_dimension: at }
                entities: [{ name: visit, type: primary, expr: id }]
                dimensions:
                  - { name: at, type: time, type_params: { time_granularity: second } }
                  - { name: country, type: categorical }
                measures: [{ name: visits, agg: count, expr: 1 }]
            metrics: [{ name: visits, type: simple, type_params: { measure: visits } }]
            tenants: [{ name: acme, where: "{{ Dimension('visit__country') }} = 'FR'" }]
            insights:
              - name: i
                query: { metrics: [visits], group_by: [metric_time__day], time_range: { last: P7D } }
                parameters: [{ name: country, field: visit__country, multiple: true }]
            """),
        ("alerts.yaml", """
            alert:
              name: a
              severity: critical
              metric: visits
              grain: week
              time_zone: Europe/Berlin
              condition: { above: 2, below: -30.5, against: baseline, periods: 10 }
              schedule: { cron: "0 7 * * *", time_zone: America/New_York }
              for: 3
              tenant: acme
              channel: ops
            alerts:
              - { name: b, insight: i, condition: { below: -5, against: previous_year }, schedule: "0 7 * * *" }
              - { name: c, metric: visits, period: current, condition: { above: 5 }, schedule: "0 7 * * *" }
            report: { name: r, insight: i, parameters: { country: [FR, DE] }, format: svg, schedule: "0 7 * * *", channel: ops }
            """),
    ];
}
