using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Tests.Alerts;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Tests.Lambda;

/// <summary>The function at the tick of a schedule, and behind a Kinesis event source.</summary>
public sealed class EventFunctionTests
{
    private const string Query = """{"metrics":["visits","seconds"],"groupBy":["visit__country"],"timeRange":{"from":"2026-03-15","to":"2026-03-16"},"orderBy":[{"field":"visit__country"}],"source":"gold"}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tick_refreshes_what_is_due_and_nothing_else()
    {
        await using var world = new LambdaWorld();
        await world.StartAsync(Role.Worker);
        Assert.Equal(["visits_daily schedule succeeded"], Runs(await world.SendAsync(LambdaWorld.Payload("schedule"))));

        // Its cron is once a year; by name it is refreshed all the same.
        Assert.Empty(Runs(await world.SendAsync(LambdaWorld.Payload("schedule"))));
        Assert.Equal(["visits_daily manual succeeded"], Runs(await world.SendAsync(JsonNode.Parse("""{"refresh":["visits_daily"]}""")!)));
        Assert.Empty(Runs(await world.SendAsync(JsonNode.Parse("""{"refresh":[]}""")!)));

        // What failed is due again after a while, and an alarm sees it.
        foreach (var payload in new[] { """{"refresh":["visit_daily"]}""", """{"refresh":"visits_daily"}""", """{"refresh":[1]}""" })
        {
            Assert.True((await world.Runtime.InvokeAsync(payload)).IsError);
        }

        var good = await File.ReadAllBytesAsync(world.Files.MonthFile("2026-02-01"), Cancel);
        await File.WriteAllTextAsync(world.Files.MonthFile("2026-02-01"), "damaged", Cancel);
        var told = await world.Runtime.InvokeAsync("""{"refresh":["visits_daily"]}""");
        Assert.True(told.IsError);
        Assert.Contains("visits_daily failed", told.Text, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(world.Files.MonthFile("2026-02-01"), good, Cancel);
        Assert.Empty(Runs(await world.SendAsync(LambdaWorld.Payload("schedule"))));
        world.Clock.Advance(TimeSpan.FromMinutes(1));

        // Nor does a range that is refreshed meanwhile stand for the whole.
        var ranged = await world.Services.GetRequiredService<RefreshService>().RunAsync("visits_daily", new RefreshRange(new DateOnly(2026, 1, 1), new DateOnly(2026, 2, 1)), RunTrigger.Manual, null, Cancel);
        Assert.Equal(RunState.Succeeded, ranged.State);
        Assert.Equal(["visits_daily schedule succeeded"], Runs(await world.SendAsync(LambdaWorld.Payload("schedule"))));
    }

    [Fact]
    public async Task Events_are_counted_once_however_often_they_are_given()
    {
        await using var world = await StreamedAsync();
        await world.SendAsync(LambdaWorld.Payload("schedule"));

        // Gold and the stream must have met once.
        Assert.Empty(await CountAsync(world, await PutAsync(world, (1, "FR", 5))));
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        var batch = await PutAsync(world, (2, "FR", 7), (3, "DE", 11), (2, "FR", 7));
        Assert.Empty(await CountAsync(world, batch));
        const string Expected = """[{"visit__country":"DE","visits":1,"seconds":11},{"visit__country":"FR","visits":2,"seconds":12}]""";
        Assert.Equal((Expected, true), await AnswerAsync(world));

        // Lambda gives a batch again whose answer it did not hear, and cuts it anew.
        Assert.Empty(await CountAsync(world, batch));
        Assert.Empty(await CountAsync(world, batch[1..]));
        Assert.Equal((Expected, true), await AnswerAsync(world));

        // The lake has them, too, and the refresh counts the same.
        await world.SendAsync(JsonNode.Parse("""{"refresh":["visits_daily"]}""")!);
        Assert.Equal(Expected, (await AnswerAsync(world)).Rows);
    }

    [Fact]
    public async Task What_is_not_counted_is_told_and_given_again()
    {
        await using var world = await StreamedAsync();
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        var batch = await PutAsync(world, (1, "FR", 5), (2, "FR", 7));

        // A record that is not there yet: those before it are counted.
        var ahead = batch[^1] with { Sequence = new SequenceNumber(batch[^1].Sequence!.Value.Number + 1000) };
        Assert.Equal(ahead.Sequence.ToString(), Assert.Single(await CountAsync(world, [.. batch, ahead], TimeSpan.FromSeconds(4))));
        await world.SendAsync(LambdaWorld.Payload("schedule"));

        // Another process holds the shard, and keeps it.
        var next = await PutAsync(world, (3, "DE", 11), (4, "DE", 13));
        var stream = world.Services.GetRequiredService<IEventStreams>().Get("visits");
        var name = StreamCheckpoints.Prefix("visits", "visits", await stream.GetIdentityAsync(Cancel)) + next[0].ShardId;
        await using (await world.Services.GetRequiredService<Leases>().TryAcquireAsync(new LeaseRequest(name, "another", TimeSpan.FromMinutes(1)), Cancel))
        {
            Assert.Equal(next[0].Sequence.ToString(), Assert.Single(await CountAsync(world, next, TimeSpan.FromSeconds(4))));
        }

        Assert.Empty(await CountAsync(world, next));
        Assert.Equal("""[{"visit__country":"DE","visits":2,"seconds":24},{"visit__country":"FR","visits":2,"seconds":12}]""", (await AnswerAsync(world)).Rows);

        // A stream that the model does not know, and records that are none.
        Assert.True((await world.Runtime.InvokeAsync(Payload("clicks", next).ToJsonString())).IsError);
        var damaged = Payload("visits", next);
        damaged["Records"]![0]!["eventID"] = "nonsense";
        Assert.True((await world.Runtime.InvokeAsync(damaged.ToJsonString())).IsError);
        Assert.True((await world.Runtime.InvokeAsync(LambdaWorld.Payload("kinesis").ToJsonString().Replace("aws:kinesis\"", "aws:sqs\"", StringComparison.Ordinal))).IsError);
    }

    /// <summary>Alerts wait for tables, but not for ever, and not for good ones.</summary>
    [Fact]
    public async Task A_tick_looks_at_the_alerts_whatever_becomes_of_the_refresh()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var world = new LambdaWorld();
        await File.AppendAllTextAsync(world.Files.ModelFile, """

            alerts:
              - { name: late, freshness: { gold_table: visits_daily, older_than: 1m }, schedule: "* * * * *", channel: ops }
            """, Cancel);
        await world.StartAsync(Role.Worker, ("DataPlatform:Alerts:Channels:ops:Url", receiver.Url), ("DataPlatform:Alerts:Channels:ops:Secret", Receiver.Secret), ("DataPlatform:Refresh:MaxAttempts", "1"), ("DataPlatform:Gold:LeaseDuration", "00:00:03"));

        // Judged after the refresh: it is fresh.
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        Assert.Equal(AlertStatus.Ok, (await StateAsync()).Status);
        Assert.Empty(receiver.All);

        // The refresh fails, and so does the invocation; the alert fires and is told.
        await File.WriteAllTextAsync(world.Files.MonthFile("2026-02-01"), "damaged", Cancel);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        var told = await world.Runtime.InvokeAsync("""{"refresh":["visits_daily"]}""");
        Assert.True(told.IsError);
        Assert.Contains("visits_daily failed", told.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("not looked at", told.Text, StringComparison.Ordinal);
        Assert.Equal("alert.firing", Assert.Single(receiver.Taken).Type);

        // It is no list of tables at all.
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        var before = (await StateAsync()).EvaluatedAt;
        Assert.True((await world.Runtime.InvokeAsync("""{"refresh":[1]}""")).IsError);
        Assert.True((await StateAsync()).EvaluatedAt > before);

        // The refresh hangs, here at a partition that another process has: the alert is looked at within the function's time.
        var leases = world.Services.GetRequiredService<Leases>();
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        before = (await StateAsync()).EvaluatedAt;
        await using (await leases.TryAcquireAsync("visits_daily#2026-02", "another", Cancel))
        {
            await world.Runtime.InvokeAsync("""{"refresh":["visits_daily"]}""", world.Now.AddSeconds(12));
        }

        Assert.True((await StateAsync()).EvaluatedAt > before);

        // A process that was killed at it left its lease, which stands still.
        var gold = world.Services.GetRequiredService<IGoldStore>();
        var left = JsonSerializer.SerializeToUtf8Bytes(new { owner = "another-machine/1/2", milliseconds = 3000 });
        await gold.PutAsync([new GoldItem(GoldKeys.Leases, AlertRunner.LeaseOf(AlertLane.Freshness), world.Now.ToUnixTimeMilliseconds(), left)], Cancel);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        before = (await StateAsync()).EvaluatedAt;
        await world.Runtime.InvokeAsync("""{"refresh":[]}""");
        Assert.True((await StateAsync()).EvaluatedAt > before);

        // The time is over before they could be looked at: that is said.
        await gold.PutAsync([new GoldItem(GoldKeys.Leases, AlertRunner.LeaseOf(AlertLane.Freshness), world.Now.ToUnixTimeMilliseconds() + 1000, left)], Cancel);
        told = await world.Runtime.InvokeAsync("""{"refresh":[]}""", world.Now.AddSeconds(3));
        Assert.True(told.IsError);
        Assert.Contains("The alerts were not looked at", told.Text, StringComparison.Ordinal);

        async Task<RuleState> StateAsync() => (await world.Services.GetRequiredService<AlertStore>().ListAsync(RuleKind.Alert, Cancel))["late"];
    }

    [Fact]
    public async Task A_whole_rebuild_that_was_cut_off_is_gone_on_with_at_a_tick()
    {
        await using var world = new LambdaWorld();
        await world.StartAsync(Role.Worker);
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        var ledger = world.Services.GetRequiredService<RunLedger>();
        var cut = new RefreshRun { Id = ledger.NewId(), Table = "visits_daily", Trigger = RunTrigger.Manual, State = RunState.Interrupted, StartedAt = world.Now, Basis = world.Now, Full = true, EndedAt = world.Now };
        await ledger.CreateAsync(cut, Cancel);
        var run = (await world.SendAsync(LambdaWorld.Payload("schedule")))["runs"]!.AsArray().Single()!;
        var stored = (await ledger.GetAsync((string)run["id"]!, Cancel))!;
        Assert.Equal((true, cut.Basis, RunState.Succeeded, 3), (stored.Full, stored.Basis, stored.State, stored.Partitions.Length));
        Assert.Empty((await world.SendAsync(LambdaWorld.Payload("schedule")))["runs"]!.AsArray());
    }

    /// <summary>With the interval of a worker, which a tick is too short for.</summary>
    [Fact]
    public async Task A_tick_closes_the_windows_of_a_quiet_stream()
    {
        await using var world = await StreamedAsync("00:01:00");
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        for (var i = 1; i <= 2; i++)
        {
            // Its first windows, and others after it has closed some.
            var batch = await PutAsync(world, (i, "FR", 5));
            var at = world.Now;
            world.Clock.Advance(TimeSpan.FromSeconds(30));
            await world.SendAsync(LambdaWorld.Payload("schedule"));
            var identity = await world.Services.GetRequiredService<IEventStreams>().Get("visits").GetIdentityAsync(Cancel);
            var state = await new BatchStates(world.Services.GetRequiredService<IGoldStore>(), "visits", ShardBatcher.NameOf(batch[0].ShardId!, identity)).ReadAsync(Cancel);
            Assert.True(state?.Sealed > at, $"{i}: closed up to {state?.Sealed:O}, not beyond {at:O}");

            // Lambda gives what the tick took, too: it was counted, though nothing follows that says so.
            Assert.Empty(await CountAsync(world, batch, TimeSpan.FromSeconds(20)));
        }
    }

    /// <summary>Tables have their turn whatever the streams do: one that never pauses, one that another process reads.</summary>
    [Fact]
    public async Task A_stream_does_not_keep_a_tick_from_the_tables()
    {
        await using var world = await StreamedAsync();
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var sent = 0;
        var sending = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await PutAsync(world, (++sent, "FR", 1));
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
            }
        }, Cancel);
        Assert.Equal(["visits_daily manual succeeded"], Runs(await world.SendAsync(JsonNode.Parse("""{"refresh":["visits_daily"]}""")!, world.Now.AddMinutes(2))));
        await enough.CancelAsync();
        await sending;

        // It was left with all of its windows where they are: nothing is lost, nothing double.
        await world.SendAsync(LambdaWorld.Payload("schedule"));
        await world.SendAsync(JsonNode.Parse("""{"refresh":["visits_daily"]}""")!);
        Assert.Equal($$"""[{"visit__country":"FR","visits":{{sent}},"seconds":{{sent}}}]""", (await AnswerAsync(world)).Rows);

        // A worker has the shard, and keeps it.
        var next = await PutAsync(world, (sent + 1, "DE", 11));
        var stream = world.Services.GetRequiredService<IEventStreams>().Get("visits");
        var name = StreamCheckpoints.Prefix("visits", "visits", await stream.GetIdentityAsync(Cancel)) + next[0].ShardId;
        await using (await world.Services.GetRequiredService<Leases>().TryAcquireAsync(new LeaseRequest(name, "another", TimeSpan.FromMinutes(1)), Cancel))
        {
            Assert.Equal(["visits_daily manual succeeded"], Runs(await world.SendAsync(JsonNode.Parse("""{"refresh":["visits_daily"]}""")!, world.Now.AddMinutes(2))));
        }
    }

    private static async Task<LambdaWorld> StreamedAsync(string landInterval = "00:00:01")
    {
        var world = new LambdaWorld();
        await File.AppendAllTextAsync(world.Files.ModelFile, "\nstreams:\n  - { name: visits, semantic_model: visits, window: 1s, allowed_lateness: 1s, tables: [visits_daily] }\n", Cancel);
        await world.StartAsync(
            Role.All,
            ("DataPlatform:Stream:Kind", "Local"),
            ("DataPlatform:MicroBatches:IdleAfter", "00:00:00.2"),
            ("DataPlatform:MicroBatches:LandInterval", landInterval),
            ("DataPlatform:Stream:Local:Partitions", "1"),
            ("DataPlatform:Stream:Local:Flush", "Never"));
        return world;
    }

    private static async Task<PutResult[]> PutAsync(LambdaWorld world, params (int Id, string Country, int Seconds)[] visits)
    {
        var at = world.Now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var records = visits.Select(v => new PutRecord(
            v.Id.ToString(CultureInfo.InvariantCulture),
            Encoding.UTF8.GetBytes(new JsonObject { ["id"] = v.Id, ["started_at"] = at, ["country"] = v.Country, ["seconds"] = v.Seconds }.ToJsonString()))).ToList();
        var results = await world.Services.GetRequiredService<IEventStreams>().Get("visits").PutAsync(records, Cancel);
        Assert.All(results, r => Assert.True(r.IsAccepted));
        return [.. results];
    }

    private static JsonNode Payload(string source, PutResult[] records)
    {
        var payload = LambdaWorld.Payload("kinesis");
        var record = payload["Records"]![0]!;
        payload["Records"] = new JsonArray([.. records.Select(r =>
        {
            var one = record.DeepClone();
            one["eventID"] = $"{r.ShardId}:{r.Sequence}";
            one["kinesis"]!["sequenceNumber"] = r.Sequence.ToString();
            one["eventSourceARN"] = "arn:aws:kinesis:eu-central-1:123456789012:stream/" + source;
            return one;
        })]);
        return payload;
    }

    /// <summary>Gives records to the function, and gives what it says is not counted.</summary>
    private static async Task<string[]> CountAsync(LambdaWorld world, PutResult[] records, TimeSpan? time = null) =>
        [.. (await world.SendAsync(Payload("visits", records), world.Now + (time ?? TimeSpan.FromMinutes(2))))["batchItemFailures"]!.AsArray().Select(f => (string)f!["itemIdentifier"]!)];

    private static async Task<(string Rows, bool IsTail)> AnswerAsync(LambdaWorld world)
    {
        var payload = LambdaWorld.Request("http-api-2", "/v1/query", "POST");
        payload["headers"]!["x-api-key"] = await world.KeyAsync();
        payload["headers"]!["content-type"] = "application/json";
        payload["body"] = Query;
        var answer = await world.SendAsync(payload);
        var body = JsonNode.Parse((string)answer["body"]!)!;
        Assert.True((int)answer["statusCode"]! == 200, body.ToJsonString());
        return (body["rows"]!.ToJsonString(), body["served"]!["by"]!.AsArray().Any(b => (string)b! == "tail"));
    }

    private static string[] Runs(JsonNode answer) => [.. answer["runs"]!.AsArray().Select(r => $"{r!["table"]} {r["trigger"]} {r["state"]}")];
}
