using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Receivers that are slow, refuse or ask for time: what they get, when, and what is said of it.</summary>
public sealed class OutboxTests
{
    private const string Slow = """
        alerts:
          - { name: slow-one, metric: visits, condition: { above: 0 }, schedule: "0 * * * *", channel: slow }
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_slow_receiver_holds_up_neither_rules_nor_other_channels()
    {
        await using var slow = await Receiver.StartAsync();
        await using var world = await AlertWorld.StartAsync(
            ("DataPlatform:Alerts:Channels:slow:Url", slow.Url), ("DataPlatform:Alerts:Channels:slow:Secret", Receiver.Secret), ("DataPlatform:Alerts:DeliveryTimeout", "00:05:00"));
        world.Add(Slow);
        slow.Gate = new TaskCompletionSource();
        await world.Runner.PassAsync(cancellationToken: Cancel);

        // A backlog of its own.
        var store = world.Server.Services.GetRequiredService<AlertStore>();
        var rule = new RuleName(RuleKind.Alert, "slow-one");
        foreach (var number in Enumerable.Range(0, 20))
        {
            await store.PutBodyAsync($"msg_{number}", new byte[] { 123, 125 }, Cancel);
            await store.UpdateAsync(rule, s => s.Add([s.Waiting[0] with { Id = $"msg_{number}", CreatedAt = s.Waiting[0].CreatedAt.AddMilliseconds(number + 1) }], s.Waiting[0].CreatedAt), Cancel);
        }

        await world.Outbox.BeginAsync(Cancel);
        await AlertWorld.UntilAsync(() => Task.FromResult(world.Receiver.Taken.Count == 1 && slow.All.Count == 1), "The other channel is held up.");
        world.Server.Advance(TimeSpan.FromHours(1));
        await world.Runner.PassAsync(cancellationToken: Cancel);
        world.Change("above: 19", "above: 2000");
        world.Server.Advance(TimeSpan.FromHours(1));
        await world.Runner.PassAsync(cancellationToken: Cancel);
        await world.Outbox.BeginAsync(Cancel);
        await AlertWorld.UntilAsync(() => Task.FromResult(world.Receiver.Taken.Any(m => m.Type == "alert.resolved")), "What is over is not told.");
        Assert.Equal(["alert.firing", "alert.resolved"], world.Receiver.Taken.Select(m => m.Type).Where(t => t.StartsWith("alert.", StringComparison.Ordinal)));
        Assert.Single(slow.All);
        Assert.Equal(21, (int)(await world.AlertAsync("slow-one"))["alert"]!["waiting"]!);

        slow.Gate.SetResult();
        await AlertWorld.UntilAsync(async () => (int)(await world.AlertAsync("slow-one"))["alert"]!["waiting"]! == 0, "The backlog is not sent.");
        Assert.Equal(["alert.firing", .. Enumerable.Range(0, 20).Select(n => $"msg_{n}")], slow.All.Select((m, i) => i == 0 ? m.Type : m.Id));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(302)]
    public async Task A_message_that_is_refused_for_good_is_given_up_and_the_next_one_goes_on(int status)
    {
        await using var world = await AlertWorld.StartAsync();
        for (var i = 0; i < AlertOutbox.Tries; i++)
        {
            world.Receiver.Answers.Enqueue(status);
        }

        world.Server.Advance(TimeSpan.FromMinutes(1));
        await world.PassAsync();
        // It resolves while the first message is not taken: the order stays.
        world.Change("above: 19", "above: 2000");
        world.Server.Advance(TimeSpan.FromHours(1));
        await world.PassAsync();
        foreach (var _ in Enumerable.Range(0, 6))
        {
            world.Server.Advance(TimeSpan.FromMinutes(1));
            await world.Outbox.DeliverAsync(cancellationToken: Cancel);
        }

        var seen = world.Receiver.All.Where(m => m.Type.StartsWith("alert.", StringComparison.Ordinal)).ToList();
        Assert.Equal([.. Enumerable.Repeat(("alert.firing", status), AlertOutbox.Tries), ("alert.resolved", 204)], seen.Select(m => (m.Type, m.Status)));
        var history = (await world.AlertAsync("too-many"))["events"]!["history"]!.AsArray();
        var givenUp = Assert.Single(history, h => (string)h!["event"]! == "givenUp")!;
        Assert.StartsWith($"The receiver answered {status}", (string)givenUp["detail"]!, StringComparison.Ordinal);
        Assert.Null((await world.AlertAsync("too-many"))["alert"]!["givenUp"]);
    }

    [Fact]
    public async Task A_report_that_is_given_up_was_not_sent()
    {
        await using var world = await AlertWorld.StartAsync();
        world.Change("above: 19", "above: 2000");
        await world.PassAsync();
        Assert.Equal("scheduled", await StatusAsync());
        for (var i = 0; i < AlertOutbox.Tries; i++)
        {
            world.Receiver.Answers.Enqueue(404);
        }

        await world.HourAsync();
        Assert.Equal("waiting", await StatusAsync());
        foreach (var _ in Enumerable.Range(0, AlertOutbox.Tries))
        {
            world.Server.Advance(TimeSpan.FromMinutes(1));
            await world.Outbox.DeliverAsync(cancellationToken: Cancel);
        }

        Assert.Equal("givenUp", await StatusAsync());
        var report = (await world.Server.GetAsync("/v1/reports/picture")).Body["report"]!;
        Assert.Equal("The receiver answered 404.", (string)report["givenUp"]!["reason"]!);
        Assert.Null(report["sentAt"]);
        Assert.Contains("given up. The receiver answered 404.", (string)(await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Degraded"))["description"]!, StringComparison.Ordinal);

        // The next one is delivered.
        await world.HourAsync();
        Assert.Equal("sent", await StatusAsync());
        Assert.Null((await world.Server.GetAsync("/v1/reports/picture")).Body["report"]!["givenUp"]);
        async Task<string> StatusAsync() => (string)(await world.Server.GetAsync("/v1/reports/picture")).Body["report"]!["status"]!;
    }

    [Theory]
    [InlineData("86400", 3600)]
    [InlineData("date", 1200)]
    [InlineData("soon", 5)]
    public async Task A_receiver_is_left_alone_as_long_as_it_wants_but_an_hour_at_most(string wish, int seconds)
    {
        await using var world = await AlertWorld.StartAsync();
        var now = world.Server.Services.GetRequiredService<TimeProvider>().GetUtcNow();
        world.Receiver.RetryAfter = wish == "date" ? now.AddSeconds(seconds).ToString("R", CultureInfo.InvariantCulture) : wish;
        world.Receiver.Answers.Enqueue(429);
        await world.PassAsync();
        var message = Assert.Single((await world.AlertAsync("too-many"))["events"]!["messages"]!.AsArray())!;
        var next = DateTimeOffset.Parse((string)message["nextAttemptAt"]!, CultureInfo.InvariantCulture);
        Assert.InRange((next - now).TotalSeconds, seconds - 2, seconds + 60);
        world.Server.Advance(TimeSpan.FromSeconds(seconds - 4));
        if (seconds > 60)
        {
            await world.Outbox.DeliverAsync(cancellationToken: Cancel);
            Assert.Single(world.Receiver.All);
        }

        world.Server.Advance(TimeSpan.FromSeconds(90));
        await world.Outbox.DeliverAsync(cancellationToken: Cancel);
        Assert.Single(world.Receiver.Taken);
    }

    [Fact]
    public async Task What_is_too_old_is_given_up_before_it_is_sent_once_more()
    {
        await using var world = await AlertWorld.StartAsync(("DataPlatform:Alerts:GiveUpAfter", "00:10:00"));
        world.Receiver.Answers.Enqueue(503);
        await world.PassAsync();
        world.Server.Advance(TimeSpan.FromMinutes(11));
        await world.Outbox.DeliverAsync(cancellationToken: Cancel);
        Assert.Equal([503], world.Receiver.All.Select(m => m.Status));
        var alert = await world.AlertAsync("too-many");
        Assert.Equal("The receiver answered 503.", (string)alert["alert"]!["givenUp"]!["reason"]!);
        Assert.Equal(0, (int)alert["alert"]!["waiting"]!);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_changes_no_order()
    {
        await using var world = await AlertWorld.StartAsync();
        world.Receiver.Answers.Enqueue(503);
        await world.PassAsync();
        world.Server.Advance(TimeSpan.FromHours(-2));
        world.Change("above: 19", "above: 2000");
        await world.PassAsync();
        Assert.Equal(["alert.firing", "alert.resolved"], world.Receiver.Taken.Select(m => m.Type).Where(t => t.StartsWith("alert.", StringComparison.Ordinal)));
    }

    /// <summary>DynamoDB's index lists what was removed a moment ago.</summary>
    [Fact]
    public async Task What_a_list_that_is_behind_has_is_not_sent_again()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.Runner.PassAsync(cancellationToken: Cancel);
        var services = world.Server.Services;
        var (options, clock) = (services.GetRequiredService<IOptions<AlertOptions>>(), services.GetRequiredService<TimeProvider>());
        var behind = await LateStore.OfAsync(services.GetRequiredService<IGoldStore>(), Cancel);
        using var outbox = new AlertOutbox(
            new AlertStore(behind, options, clock, NullLogger<AlertStore>.Instance), services.GetRequiredService<WebhookSender>(), services.GetRequiredService<Leases>(), options, clock, NullLogger<AlertOutbox>.Instance);
        await outbox.DeliverAsync(cancellationToken: Cancel);
        await outbox.DeliverAsync(cancellationToken: Cancel);
        Assert.Single(world.Receiver.All);
        Assert.Equal(["delivered", "firing"], (await world.AlertAsync("too-many"))["events"]!["history"]!.AsArray().Select(h => (string)h!["event"]!));
    }

    [Fact]
    public async Task Of_very_many_messages_the_oldest_are_given_up()
    {
        await using var world = await AlertWorld.StartAsync(("DataPlatform:Alerts:Channels:ops:Url", "http://127.0.0.1:1/"));
        await world.Runner.PassAsync(cancellationToken: Cancel);
        var store = world.Server.Services.GetRequiredService<AlertStore>();
        var state = await store.UpdateAsync(
            new RuleName(RuleKind.Alert, "too-many"),
            s => s.Add([.. Enumerable.Range(0, RuleState.MaxWaiting).Select(_ => s.Waiting[0] with { Id = "msg_" + Guid.NewGuid().ToString("N"), LastError = "The receiver answered 503." })], s.Waiting[0].CreatedAt), Cancel);
        Assert.Equal(RuleState.MaxWaiting, state.Waiting.Length);
        Assert.Equal((AlertEvent.GivenUp, "More than 1000 messages wait."), (state.History[0].Event, state.History[0].Detail));
    }

    [Fact]
    public async Task Changed_settings_that_are_wrong_change_nothing_and_are_told()
    {
        await using var world = await AlertWorld.StartAsync();
        var configuration = (IConfigurationRoot)world.Server.Services.GetRequiredService<IConfiguration>();
        configuration["DataPlatform:Alerts:Channels:ops:Secret"] = "whsec_short";
        // Who asked for the reload is told, too: for a file it is the watcher, which goes on.
        Assert.NotNull(Record.Exception(configuration.Reload));
        await world.PassAsync();
        Assert.True(Assert.Single(world.Receiver.Taken).IsSigned);
        foreach (var path in new[] { "/v1/alerts", "/v1/alerts/too-many", "/v1/reports" })
        {
            Assert.Equal(System.Net.HttpStatusCode.OK, (await world.Server.GetAsync(path)).Status);
        }

        var told = (string)(await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Degraded"))["description"]!;
        Assert.StartsWith("The changed settings are refused, the last good ones stay in use. DataPlatform:Alerts:Channels:ops:Secret must be", told, StringComparison.Ordinal);
        Assert.DoesNotContain("whsec_short", told, StringComparison.Ordinal);
        configuration["DataPlatform:Alerts:Channels:ops:Secret"] = Receiver.Secret;
        configuration.Reload();
        await world.Server.RefreshAsync();
        await world.HourAsync();
        await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Healthy");
    }

    [Fact]
    public async Task A_process_with_another_model_delivers_and_forgets_nothing()
    {
        await using var world = await AlertWorld.StartAsync();
        var models = Path.Combine(world.Server.Data, "..", "other-models");
        Directory.CreateDirectory(models);
        await File.WriteAllTextAsync(Path.Combine(models, "model.yaml"), (await File.ReadAllTextAsync(world.Server.ModelFile, Cancel)).Replace("name: too-many", "name: another", StringComparison.Ordinal).Replace("above: 19", "above: 2000", StringComparison.Ordinal), Cancel);
        var (other, client) = await ServerFixture.StartAsync(
            world.Server.Data, Write.DataPlatform.Api.Commands.Role.Api,
            [("DataPlatform:Models", models), ("DataPlatform:Lake:Path", world.Server.Lake), ("DataPlatform:Alerts:Channels:ops:Url", world.Receiver.Url), ("DataPlatform:Alerts:Channels:ops:Secret", Receiver.Secret)],
            services => services.AddSingleton(world.Server.Services.GetRequiredService<TimeProvider>()));
        client.Dispose();
        await using (other)
        {
            var (runner, outbox) = (other.Services.GetRequiredService<AlertRunner>(), other.Services.GetRequiredService<AlertOutbox>());
            for (var hour = 0; hour < 3; hour++)
            {
                await world.Runner.PassAsync(cancellationToken: Cancel);
                await runner.PassAsync(cancellationToken: Cancel);
                await outbox.DeliverAsync(cancellationToken: Cancel);
                world.Server.Advance(TimeSpan.FromHours(1));
            }

            await other.StopAsync(Cancel);
        }

        var message = Assert.Single(world.Receiver.All, m => m.Type == "alert.firing");
        Assert.Equal("too-many", (string)JsonNode.Parse(message.Body)!["data"]!["alert"]!);
        Assert.Equal("firing", (string)(await world.AlertAsync("too-many"))["alert"]!["status"]!);
        Assert.Contains("another", (await world.Server.Services.GetRequiredService<AlertStore>().ListAsync(RuleKind.Alert, Cancel)).Keys);
    }
}
