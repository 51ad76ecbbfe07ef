using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Rules whose groups, roles, states or data are not as they should be.</summary>
public sealed class RuleTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Groups_of_other_dimensions_are_over_and_not_without_data()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        var fired = JsonNode.Parse(Assert.Single(world.Receiver.Taken).Body)!["data"]!["groups"]!.AsArray().Select(g => (string)g!["key"]!["visit__country"]!).ToList();
        world.Change("    group_by: [visit__country]\n    condition: { above: 19 }", "    condition: { above: 1900 }");
        // Until it is judged anew its groups are those of before.
        Assert.All((await world.AlertAsync("too-many"))["groups"]!.AsArray(), g => Assert.NotNull(g!["key"]!["visit__country"]));
        await world.HourAsync();
        await world.HourAsync();
        var told = world.Receiver.Taken.Where(m => m.Type.StartsWith("alert.", StringComparison.Ordinal)).ToList();
        Assert.Equal(["alert.firing", "alert.resolved"], told.Select(m => m.Type));
        var over = JsonNode.Parse(told[1].Body)!["data"]!["groups"]!.AsArray();
        Assert.Equal(fired.Order(), over.Select(g => (string)g!["key"]!["visit__country"]!).Order());
        Assert.All(over, g => Assert.Equal("resolved", (string)g!["status"]!));
        var alert = await world.AlertAsync("too-many");
        Assert.Equal(("ok", 1), ((string)alert["alert"]!["status"]!, alert["groups"]!.AsArray().Count));
    }

    [Fact]
    public async Task A_rule_that_fails_in_a_way_nobody_foresaw_is_an_error_and_the_others_go_on()
    {
        await using var world = await AlertWorld.StartAsync();
        world.Change("schedule: \"0 * * * *\"\n    channel: ops", "schedule: \"* * * * *\"\n    channel: ops");
        await world.PassAsync();
        var (store, too) = (world.Server.Services.GetRequiredService<AlertStore>(), new RuleName(RuleKind.Alert, "too-many"));
        // No evaluation writes a group twice.
        await store.UpdateAsync(too, s => s with { Groups = [.. s.Groups, s.Groups[0]] }, Cancel);
        await world.HourAsync();
        var alert = (await world.AlertAsync("too-many"))["alert"]!;
        Assert.Equal("internal_error: A mistake of the server (ArgumentException). Its log has the details.", (string)alert["error"]!);
        var health = await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Degraded");
        Assert.Contains("too-many: failed: internal_error", (string)health["description"]!, StringComparison.Ordinal);
        Assert.Equal(["alert.firing", "alert.error"], world.Receiver.Taken.Select(m => m.Type).Where(t => t.StartsWith("alert.", StringComparison.Ordinal)));

        // The others were evaluated; it is left alone for a while: at each minute of twenty it would be twenty times.
        Assert.Equal((string)(await world.AlertAsync("of-acme"))["alert"]!["evaluatedAt"]!, (string)(await world.AlertAsync("of-insight"))["alert"]!["evaluatedAt"]!, ByMinute);
        for (var minute = 0; minute < 20; minute++)
        {
            world.Server.Advance(TimeSpan.FromMinutes(1));
            await world.PassAsync();
        }

        Assert.InRange((await store.ListAsync(RuleKind.Alert, Cancel))["too-many"].Errors, 4, 8);
        await store.UpdateAsync(too, s => s with { Groups = s.Groups[..^1] }, Cancel);
        await world.HourAsync();
        Assert.Equal(["alert.firing", "alert.error", "alert.recovered"], world.Receiver.Taken.Select(m => m.Type).Where(t => t.StartsWith("alert.", StringComparison.Ordinal)));
        Assert.Equal("firing", (string)(await world.AlertAsync("too-many"))["alert"]!["status"]!);
    }

    [Fact]
    public async Task What_failed_is_tried_again_before_its_next_tick()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        Directory.Move(world.Server.Lake, world.Server.Lake + "-gone");
        world.Server.Advance(TimeSpan.FromHours(14));
        await world.PassAsync();
        Directory.Move(world.Server.Lake + "-gone", world.Server.Lake);
        Assert.Equal("error", (string)(await world.AlertAsync("of-insight"))["alert"]!["status"]!);
        Assert.Equal("error", (string)(await world.Server.GetAsync("/v1/reports/daily-visits")).Body["report"]!["status"]!);
        await world.PassAsync();
        Assert.Equal("error", (string)(await world.AlertAsync("of-insight"))["alert"]!["status"]!);
        world.Server.Advance(TimeSpan.FromSeconds(70));
        await world.PassAsync();
        Assert.Equal("ok", (string)(await world.AlertAsync("of-insight"))["alert"]!["status"]!);
        Assert.Equal("sent", (string)(await world.Server.GetAsync("/v1/reports/daily-visits")).Body["report"]!["status"]!);
        Assert.Single(world.Receiver.Taken, m => m.Type == "report.ready" && m.ContentType.StartsWith("text/csv", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tries_between_ticks_are_no_ticks()
    {
        await using var world = await AlertWorld.StartAsync();
        world.Change("severity: critical", "severity: critical\n    for: 2");
        await world.PassAsync();
        Directory.Move(world.Server.Lake, world.Server.Lake + "-gone");
        await world.HourAsync();
        foreach (var minutes in new[] { 2, 3, 5 })
        {
            world.Server.Advance(TimeSpan.FromMinutes(minutes));
            await world.PassAsync();
        }

        Assert.Equal(4, (await world.Server.Services.GetRequiredService<AlertStore>().ListAsync(RuleKind.Alert, Cancel))["too-many"].Errors);
        Assert.DoesNotContain(world.Receiver.All, m => m.Type == "alert.error");
        await world.HourAsync();
        Assert.Single(world.Receiver.Taken, m => m.Type == "alert.error");
        Directory.Move(world.Server.Lake + "-gone", world.Server.Lake);
        await world.HourAsync();
        Assert.Single(world.Receiver.Taken, m => m.Type == "alert.recovered");
    }

    [Fact]
    public async Task A_state_that_cannot_be_read_is_begun_anew()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        var gold = world.Server.Services.GetRequiredService<IGoldStore>();
        var item = (await gold.GetAsync(GoldKeys.Alerts, "alert#too-many", Cancel))!;
        Assert.True(await gold.TryPutAsync(item with { Revision = item.Revision + 1, Body = new byte[] { 1, 2, 3 } }, item.Revision, Cancel));
        var (status, body) = await world.Server.GetAsync("/v1/alerts");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.StartsWith("internal_error: The stored state cannot be read", (string)body["alerts"]!.AsArray().Single(a => (string)a!["name"]! == "too-many")!["error"]!, StringComparison.Ordinal);
        await world.HourAsync();
        var alert = (await world.AlertAsync("too-many"))["alert"]!;
        Assert.Equal(("firing", null), ((string)alert["status"]!, (string?)alert["error"]));
        Assert.Equal(2, world.Receiver.Taken.Count(m => m.Type == "alert.firing"));
    }

    [Fact]
    public async Task A_rule_with_more_than_can_be_kept_is_an_error_that_says_so()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        SmallServer.Sql($"""
            COPY (SELECT 7000000 + i AS id, TIMESTAMP '2026-03-09 10:00:00' AS started_at, array_to_string([sha256(i::VARCHAR || '/' || j) FOR j IN range(40)], '') AS country, 20::BIGINT AS seconds FROM range(450) AS r(i))
            TO '{Path.GetDirectoryName(world.Server.MonthFile("2026-03-01"))}/b.parquet' (FORMAT parquet)
            """);
        await world.HourAsync();
        var alert = (await world.AlertAsync("too-many"))["alert"]!;
        Assert.StartsWith("answer_too_large: The ", (string)alert["error"]!, StringComparison.Ordinal);
        Assert.Equal("firing", (string)alert["status"]!);
        File.Delete(Path.Combine(Path.GetDirectoryName(world.Server.MonthFile("2026-03-01"))!, "b.parquet"));
        await world.HourAsync();
        Assert.Null((await world.AlertAsync("too-many"))["alert"]!["error"]);
    }

    [Fact]
    public async Task Alerts_that_nobody_looks_at_make_the_server_ill()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.Server.RefreshAsync();
        await world.PassAsync();
        Assert.Equal(0, (int)(await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Healthy"))["data"]!["overdue"]!);
        world.Server.Advance(TimeSpan.FromMinutes(70));
        var health = await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Degraded");
        Assert.Contains("was due at 2026-03-10T16:00:00Z and was not looked at", (string)health["description"]!, StringComparison.Ordinal);
        Assert.Equal(5, (int)health["data"]!["overdue"]!);
        await world.PassAsync();
        await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Healthy");
    }

    [Fact]
    public async Task An_event_of_the_future_does_not_make_old_data_whole()
    {
        await using var world = await AlertWorld.StartAsync();
        SmallServer.Sql($"""
            COPY (SELECT 9000000 AS id, TIMESTAMP '2026-03-25 10:00:00' AS started_at, 'C1' AS country, 1::BIGINT AS seconds)
            TO '{Path.GetDirectoryName(world.Server.MonthFile("2026-03-01"))}/b.parquet' (FORMAT parquet)
            """);
        var refreshed = (await world.Server.RefreshAsync()).EndedAt!.Value;
        world.Server.Advance(TimeSpan.FromDays(2));
        var (_, answer) = await world.Server.PostAsync("/v1/query", """{"metrics":["visits"],"timeRange":{"from":"2026-03-01","to":"2026-03-12"},"source":"gold"}""");
        Assert.InRange((DateTimeOffset)answer["served"]!["asOf"]!, refreshed.AddMinutes(-1), refreshed);
        await world.PassAsync();
        Assert.Equal("noData", (string)(await world.AlertAsync("too-many"))["alert"]!["status"]!);
    }

    [Fact]
    public async Task A_baseline_is_of_what_was_counted_unless_the_metric_fills_it()
    {
        await using var world = await AlertWorld.StartAsync();
        // There are visits on the first twelve days of a month.
        world.Add("""
            metrics:
              - { name: filled, type: simple, type_params: { measure: { name: visits, fill_nulls_with: 0 } } }
            alerts:
              - { name: by-visits, metric: visits, condition: { below: -1000, against: baseline, periods: 14 }, schedule: "0 * * * *" }
              - { name: by-filled, metric: filled, condition: { below: -1000, against: baseline, periods: 14 }, schedule: "0 * * * *" }
            """);
        await world.PassAsync();
        var days = SmallServer.Sql($"SELECT count(*)::DOUBLE FROM {world.Server.Files} WHERE started_at >= TIMESTAMP '2026-02-23' AND started_at < TIMESTAMP '2026-03-09' GROUP BY CAST(started_at AS DATE)").Select(r => (double)r[0]!).ToList();
        Assert.InRange(days.Count, 7, 13);
        Assert.Equal(days.Average(), (double)(await world.AlertAsync("by-visits"))["groups"]![0]!["reference"]!, 1e-9);
        Assert.Equal(days.Sum() / 14, (double)(await world.AlertAsync("by-filled"))["groups"]![0]!["reference"]!, 1e-9);
    }

    [Fact]
    public async Task A_metrics_first_year_is_held_against_nothing_unless_the_metric_fills_it()
    {
        await using var world = await AlertWorld.StartAsync();
        world.Add("""
            metrics:
              - { name: filled, type: simple, type_params: { measure: { name: visits, fill_nulls_with: 0 } } }
            alerts:
              - { name: by-visits, metric: visits, condition: { above: 10, against: previous_year, by: absolute }, schedule: "0 * * * *" }
              - { name: by-filled, metric: filled, condition: { above: 10, against: previous_year, by: absolute }, schedule: "0 * * * *" }
              - { name: by-day, metric: visits, condition: { above: -1000, against: previous_period, by: absolute }, schedule: "0 * * * *" }
            """);
        await world.PassAsync();
        var group = (await world.AlertAsync("by-visits"))["groups"]![0]!;
        Assert.Equal(("noData", "Nothing was counted in the earlier period."), ((string)group["status"]!, (string)group["detail"]!));
        Assert.Equal("firing", (string)(await world.AlertAsync("by-filled"))["alert"]!["status"]!);
        var day = (await world.AlertAsync("by-day"))["groups"]![0]!;
        var before = (double)SmallServer.Sql($"SELECT count(*)::DOUBLE FROM {world.Server.Files} WHERE CAST(started_at AS DATE) = DATE '2026-03-08'")[0][0]!;
        Assert.Equal(("firing", before), ((string)day["status"]!, (double)day["reference"]!));
    }

    [Fact]
    public async Task A_tenants_key_learns_no_names_of_channels_and_a_role_by_claim_sees_no_rule()
    {
        await using var world = await AlertWorld.StartAsync();
        world.Add("""
            roles:
              - { name: by-claim, rows: [{ field: visit__country, op: in, claim: countries }] }
            tenants:
              - { name: claimed, role: by-claim, where: "{{ Dimension('visit__country') }} = 'C3'" }
            alerts:
              - { name: of-claimed, metric: visits, condition: { below: 1 }, schedule: "0 * * * *", tenant: claimed }
              - { name: told, metric: visits, condition: { above: 0 }, schedule: "0 * * * *", tenant: acme, channel: secret-name }
            """);
        await world.PassAsync();
        var keys = world.Server.Services.GetRequiredService<ApiKeys>();
        async Task<(HttpStatusCode, JsonNode)> As(string tenant, KeyGrant grant, string path)
        {
            var key = (await keys.CreateAsync(tenant, KeyRole.Customer, tenant, null, grant, cancellationToken: Cancel)).Text;
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
            using var response = await world.Server.Client.SendAsync(request, Cancel);
            return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
        }

        foreach (var path in new[] { "/v1/alerts", "/v1/alerts/told", "/v1/reports", "/v1/reports/picture" })
        {
            var (status, body) = await As("acme", KeyGrant.Plain, path);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.DoesNotContain("secret-name", body.ToJsonString(), StringComparison.Ordinal);
            Assert.DoesNotContain("\"ops\"", body.ToJsonString(), StringComparison.Ordinal);
        }

        Assert.Contains("its channel is not configured", (await As("acme", KeyGrant.Plain, "/v1/alerts/told")).Item2.ToJsonString(), StringComparison.Ordinal);
        var claim = new KeyGrant(null, KeyGrant.Plain.Attributes.Add("countries", ["C3"]));
        foreach (var kind in new[] { "alerts", "reports" })
        {
            var (status, body) = await As("claimed", claim, "/v1/" + kind);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Empty(body[kind]!.AsArray());
        }

        Assert.Equal(HttpStatusCode.NotFound, (await As("claimed", claim, "/v1/alerts/of-claimed")).Item1);
        Assert.Equal("error", (string)(await world.AlertAsync("of-claimed"))["alert"]!["status"]!);
        Assert.Equal("secret-name", (string)(await world.AlertAsync("told"))["alert"]!["channel"]!);
    }

    [Fact]
    public async Task Periods_shorter_than_a_minute_are_refused_of_an_insight_too()
    {
        await using var world = await AlertWorld.StartAsync();
        await File.WriteAllTextAsync(Path.Combine(world.Server.Models, "more.yaml"), """
            insights:
              - name: by-second
                query: { metrics: [visits], group_by: [metric_time__second], time_range: { last: P1D } }
            alerts:
              - { name: too-fine, insight: by-second, condition: { below: 1 }, schedule: "0 * * * *" }
            """, Cancel);
        var models = world.Server.Services.GetRequiredService<ModelStore>();
        models.Reload();
        var problem = Assert.Single(models.Status.Problems!.Value);
        Assert.Equal("I005", problem.Code);
        Assert.Contains("shorter than a minute", problem.Message, StringComparison.Ordinal);
    }

    private static bool ByMinute(string a, string b) => a[..16] == b[..16];
}
