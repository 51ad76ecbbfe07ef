using System.Collections.Immutable;
using System.Globalization;
using CsCheck;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>What a shard's events become: states that are the lake's, dead letters, and windows that are bounded.</summary>
public sealed class BatchTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stream_and_lake_and_gold_give_the_same_numbers()
    {
        await using var world = new BatchWorld();
        await world.StartAsync();
        var run = 0;
        await Gen.Int.Positive.CheckAsync(
            async seed =>
            {
                var random = new Random(seed);
                world.Time.SetUtcNow(new DateTimeOffset(world.Time.GetUtcNow().UtcDateTime.Date.AddDays(3).AddHours(9), TimeSpan.Zero));
                var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);

                // Gold ends where the stream begins, so that all events are the tail's.
                await using var batcher = await world.BeginAsync("0", $"run-{++run}", 1);
                await BeginAsync(world, batcher);
                await world.RefreshAsync("visits_daily", day, day);
                await world.RefreshAsync("customers_hourly", day, day);
                var records = Enumerable.Range(1, random.Next(1, 80)).Select(i => BatchWorld.Record("0", i, world.Time.GetUtcNow(), new Sent(
                    seed + (long)i, world.Time.GetUtcNow().UtcDateTime.AddMilliseconds(-random.Next(60_000)), new[] { "FR", "DE", "GB", null }[random.Next(4)], new[] { "acme", "bolt", "else", null }[random.Next(4)],
                    random.Next(30), random.Next(4) == 0 ? null : random.Next(-100, 100), random.Next(4) == 0 ? null : random.Next(100_000) / 100m).Json())).ToList();
                await batcher.ProcessAsync(new ShardBatch([.. records], TimeSpan.Zero), Cancel);

                var tail = await AnswersAsync(QuerySource.Gold, "tail");
                world.Time.Advance(TimeSpan.FromMinutes(1));
                await QuietAsync(world, batcher);
                Assert.Equal(await AnswersAsync(QuerySource.Lake, "lake"), tail);
                world.Time.Advance(TimeSpan.FromDays(1));
                await world.RefreshAsync("visits_daily", day, day);
                await world.RefreshAsync("customers_hourly", day, day);
                Assert.Equal(await AnswersAsync(QuerySource.Gold, null), tail);

                async Task<string> AnswersAsync(QuerySource source, string? by)
                {
                    var text = "";
                    foreach (var (metrics, keys, tenant) in new (string[], string[], string?)[]
                    {
                        (["visits", "seconds", "longest", "mean", "amount", "people", "french"], ["metric_time__day", "visit__country", "visitor__plan"], null),
                        (["visits", "amount", "people"], ["visit__country__region"], null),
                        (["visits", "seconds"], ["metric_time__hour", "visit__country"], "acme"),
                        (["visits", "seconds"], ["visit__country"], "bolt"),
                    })
                    {
                        var answer = await world.AskAsync(metrics, keys, day, day.AddDays(1), source, tenant);
                        Assert.Equal(by is "lake" ? ["lake"] : by is null ? ["gold"] : ["gold", "tail"], answer.Served.By);
                        text += string.Join('\n', answer.Rows.Select(r => string.Join('|', r.Select(v => v is double d ? d.ToString("0.#########", CultureInfo.InvariantCulture) : Convert.ToString(v, CultureInfo.InvariantCulture)))).Order(StringComparer.Ordinal)) + "\n\n";
                    }

                    return text;
                }
            },
            RandomCases.Of(6, 50),
            threads: 1);
    }

    [Fact]
    public async Task Poison_goes_to_the_dead_letters_with_its_reason_and_stops_nothing()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var now = world.Time.GetUtcNow();
        string At(double seconds) => now.AddSeconds(seconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        (byte[] Data, string? Reason)[] records =
        [
            (BatchWorld.Bytes($$"""{"id":1,"at":"{{At(0)}}","country":"FR","seconds":1,"more":{"a":[1,{"b":null}] } }"""), null),
            (BatchWorld.Bytes(""), "invalid_json"),
            (BatchWorld.Bytes("{"), "invalid_json"),
            (BatchWorld.Bytes("null"), "invalid_json"),
            (BatchWorld.Bytes("[{}]"), "invalid_json"),
            (BatchWorld.Bytes($$"""{"id":1,"at":"{{At(0)}}"} {}"""), "invalid_json"),
            ([.. BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","country":"""), (byte)'"', 0xFF, 0xFE, (byte)'"', (byte)'}'], "invalid_json"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","country":"\ud800"}"""), "invalid_json"),
            (BatchWorld.Bytes(new string('[', 10_000)), "invalid_json"),
            (BatchWorld.Bytes("""{"id":"2","at":"2026-03-14T12:00:00Z"}"""), "wrong_type"),
            (BatchWorld.Bytes($$"""{"id":2.5,"at":"{{At(0)}}"}"""), "wrong_type"),
            (BatchWorld.Bytes($$"""{"id":99999999999999999999,"at":"{{At(0)}}"}"""), "wrong_type"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","seconds":3000000000}"""), "wrong_type"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","amount":1.005}"""), "wrong_type"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","country":7}"""), "wrong_type"),
            (BatchWorld.Bytes("""{"id":2,"at":"yesterday"}"""), "wrong_type"),
            (BatchWorld.Bytes("""{"id":2,"at":1700000000}"""), "wrong_type"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","country":"{{new string('x', 1_000_000)}}"}"""), "too_large"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(0)}}","country":"{{new string('x', 70_000)}}"}"""), "too_large"),
            (BatchWorld.Bytes("""{"id":2}"""), "no_time"),
            (BatchWorld.Bytes("""{"id":2,"at":null}"""), "no_time"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(301)}}"}"""), "future"),
            (BatchWorld.Bytes("""{"id":2,"at":"9999-12-31T23:59:59Z"}"""), "future"),
            (BatchWorld.Bytes("""{"id":2,"at":"0001-01-01T00:00:00Z"}"""), "ancient"),
            (BatchWorld.Bytes($$"""{"id":2,"at":"{{At(-300)}}"}"""), "late"),
            (BatchWorld.Bytes($$"""{"id":3,"at":"{{At(1)}}","country":"it's \"quoted\" \u0000 \u00e9","seconds":2.0,"amount":1.50}"""), null),
        ];
        await using var batcher = await world.BeginAsync("0", "poison", 1);
        await batcher.ProcessAsync(new ShardBatch([.. records.Select((r, i) => BatchWorld.Record("0", i + 1, now, r.Data))], TimeSpan.Zero), Cancel);
        var letters = await world.Get<DeadLetters>().ListAsync(BatchWorld.Stream, Cancel).ToListAsync(Cancel);
        Assert.Equal(
            records.Select((r, i) => (Sequence: (i + 1).ToString(CultureInfo.InvariantCulture), r.Reason)).Where(r => r.Reason is not null).Select(r => $"{r.Sequence} {r.Reason}").Order(),
            letters.Select(l => $"{l.Sequence} {l.Reason}").Order());
        Assert.All(letters, l => Assert.True(l.Data.Length == Math.Min(l.Bytes, DeadLetters.MaxKeptBytes) && l.Message.Length > 0));
        world.Time.Advance(TimeSpan.FromMinutes(1));
        await QuietAsync(world, batcher);
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        Assert.Equal([3L, 3L], (await world.AskAsync(["visits", "seconds"], [], day, day.AddDays(1))).Rows[0]);
    }

    [Fact]
    public async Task A_worker_that_is_stopped_before_it_has_read_open_windows_again_forgets_nobody()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var now = world.Time.GetUtcNow();
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        var records = Enumerable.Range(1, 4).Select(i => BatchWorld.Record("0", i, now, new Sent(i, now.UtcDateTime, "FR", null, 1, 10, null).Json())).ToList();
        ShardCheckpoint? checkpoint = null;
        await WorkAsync(1, new ShardBatch([.. records], TimeSpan.Zero));

        // It lives long enough to write its state, and not to read what is open.
        await WorkAsync(2, new ShardBatch([], TimeSpan.FromSeconds(1)), new ShardBatch([], TimeSpan.FromSeconds(1)), new ShardBatch([], TimeSpan.Zero));
        Assert.Equal(ShardPosition.At(records[0].Sequence), checkpoint!.Position);
        await WorkAsync(3, new ShardBatch([.. records, BatchWorld.Record("0", 5, now, new Sent(2, now.UtcDateTime, "FR", null, 1, 10, null).Json())], TimeSpan.Zero));
        Assert.Equal([4L, 40L], (await world.AskAsync(["visits", "seconds"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0]);

        async Task WorkAsync(long fence, params ShardBatch[] batches)
        {
            await using var batcher = await world.BeginAsync("0", "again", fence, checkpoint);
            foreach (var batch in batches)
            {
                world.Time.Advance(TimeSpan.FromSeconds(21));
                await batcher.ProcessAsync(batch, Cancel);
            }

            checkpoint = await batcher.StopAsync(Cancel);
        }
    }

    [Fact]
    public async Task An_exact_distinct_count_is_not_added_up_with_a_tail()
    {
        await using var world = new BatchWorld();
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        await using var batcher = await world.BeginAsync("0", "exact", 1);
        await BeginAsync(world, batcher);
        await world.RefreshAsync("visits_daily", day, day);
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.AskAsync(["exact_people"], ["metric_time__day", "visit__country", "visitor__plan"], day, day.AddDays(1), QuerySource.Gold));
        Assert.StartsWith("tail:", refused.Problems[0].Message, StringComparison.Ordinal);
        Assert.Equal(["lake"], (await world.AskAsync(["exact_people"], ["metric_time__day", "visit__country", "visitor__plan"], day, day.AddDays(1))).Served.By);
        var approximate = await world.AskAsync(["people"], ["metric_time__day"], day, day.AddDays(1));
        Assert.Equal(["gold", "tail"], approximate.Served.By);
        Assert.NotNull(approximate.Columns[1].Approximation);
    }

    [Fact]
    public async Task Many_landed_files_become_one_and_every_event_stays_once()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:MicroBatches:LandInterval"] = "00:00:00");
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "many", 1);
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        for (var i = 1; i <= Landing.CompactFiles + 5; i++)
        {
            await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", i, world.Time.GetUtcNow(), new Sent(i, world.Time.GetUtcNow().UtcDateTime, "FR", null, 1, i, null).Json())], TimeSpan.Zero), Cancel);
            Assert.Equal((long)i, (await world.AskAsync(["visits"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0][0]);
        }

        // The old ones are there yet, for readers that know them.
        var files = Directory.GetFiles(Path.Combine(world.Files.Path, "visits"), "landed.*");
        Assert.True(files.Length > Landing.CompactFiles);
        Assert.True(Write.DataPlatform.Lake.LandedFile.WithoutCovered(files, f => f).Count() <= 6);
    }

    /// <summary>A clock that was put back, or files restored from elsewhere, may give neighbours' times in any order.</summary>
    [Fact]
    public async Task Files_of_one_day_with_another_day_between_them_stay_apart()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, new DateTimeOffset(2031, 3, 14, 12, 0, 0, TimeSpan.Zero), settings => settings["DataPlatform:MicroBatches:LandInterval"] = "00:00:00");
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "apart", 1);
        var start = world.Time.GetUtcNow();
        var folder = Path.Combine(world.Files.Path, "visits");
        for (var i = 1; i <= 4; i++)
        {
            var now = world.Time.GetUtcNow();
            await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", i, now, new Sent(i, start.UtcDateTime, "FR", null, 1, i, null).Json())], TimeSpan.Zero), Cancel);
            foreach (var file in Directory.GetFiles(folder, $"landed.*-{i}.parquet"))
            {
                File.SetLastWriteTimeUtc(file, start.UtcDateTime.AddDays(i == 2 ? 1 : 0));
            }

            Assert.Equal((long)i, world.Files.Read($"SELECT count(DISTINCT id) FROM read_parquet([{string.Join(", ", Live().Select(f => $"'{f}'"))}])")[0][0]);
        }

        world.Time.Advance(TimeSpan.FromDays(2));
        await QuietAsync(world, batcher);
        for (var i = 5; i <= 9; i++)
        {
            world.Time.Advance(TimeSpan.FromMinutes(2));
            var now = world.Time.GetUtcNow();
            await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", i, now, new Sent(i, now.UtcDateTime, "FR", null, 1, i, null).Json())], TimeSpan.Zero), Cancel);
        }

        Assert.Equal(Enumerable.Range(1, 9).Select(i => (long)i), world.Files.Read($"SELECT id FROM read_parquet([{string.Join(", ", Live().Select(f => $"'{f}'"))}]) ORDER BY id").Select(r => (long)r[0]!));

        // What became one was removed, and what was not is there.
        Assert.Equal(["start-1", "1-2", "2-4"], Directory.GetFiles(folder, "landed.*").Select(f => Path.GetFileName(f).Split('.')[^2]).Where(f => int.Parse(f.Split('-')[1], CultureInfo.InvariantCulture) <= 4).OrderBy(f => f.Split('-')[1], StringComparer.Ordinal));

        IEnumerable<string> Live() => Write.DataPlatform.Lake.LandedFile.WithoutCovered(Directory.GetFiles(folder, "landed.*"), f => f);
    }

    [Fact]
    public async Task A_late_event_is_known_however_its_id_is_written()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        File.Delete(Path.Combine(world.Files.Path, "visits", "seed.parquet"));
        world.Files.Write("visits/seed.parquet", "SELECT uuid() AS id, TIMESTAMP '2026-01-01 12:00:00' AS at, 'FR' AS country, 5::INTEGER AS seconds WHERE false");
        await world.StartAsync();
        var now = world.Time.GetUtcNow();
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        byte[] Event(string id) => BatchWorld.Bytes($$"""{"id":"{{id}}","at":"{{now.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss}}Z","country":"FR","seconds":1}""");
        await using var batcher = await world.BeginAsync("0", "capitals", 1);
        const string Id = "6F9619FF-8B86-D011-B42D-00CF4FC964FF";
        await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", 1, now, Event(Id))], TimeSpan.Zero), Cancel);
        for (var i = 0; i < 8; i++)
        {
            world.Time.Advance(TimeSpan.FromMinutes(1));
            await QuietAsync(world, batcher);
        }

        await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", 2, world.Time.GetUtcNow(), Event(Id)), BatchWorld.Record("0", 3, world.Time.GetUtcNow(), Event(Id.Replace('6', '7')))], TimeSpan.Zero), Cancel);
        world.Time.Advance(TimeSpan.FromMinutes(1));
        await QuietAsync(world, batcher);
        Assert.Equal(2L, (await world.AskAsync(["visits"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0][0]);
    }

    [Fact]
    public async Task What_is_told_to_be_counted_ends_where_the_stream_was_looked_at()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var lookedAt = world.Time.GetUtcNow();
        await using var batcher = await world.BeginAsync("0", "slow", 1);
        var record = BatchWorld.Record("0", 1, lookedAt, new Sent(1, lookedAt.UtcDateTime, "FR", null, 1, 1, null).Json());

        // A store that is locked holds it for so long.
        world.Time.Advance(TimeSpan.FromSeconds(15));
        await batcher.ProcessAsync(new ShardBatch([record], TimeSpan.Zero) { LookedAt = lookedAt }, Cancel);
        Assert.Equal(lookedAt, (await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Counted(world.Time.GetUtcNow()));
    }

    [Fact]
    public async Task A_late_event_is_known_that_another_worker_wrote_a_moment_ago()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings =>
        {
            settings["DataPlatform:Lake:ScanInterval"] = "00:01:00";
            settings["DataPlatform:MicroBatches:LandInterval"] = "00:05:00";
        });
        await world.StartAsync();
        var start = world.Time.GetUtcNow();
        var day = DateOnly.FromDateTime(start.UtcDateTime);
        var sequence = 0;
        StreamRecord Event(int id, int minute) => BatchWorld.Record("0", ++sequence, world.Time.GetUtcNow(), new Sent(id, start.UtcDateTime.AddMinutes(minute), "FR", null, 1, 1, null).Json());
        var first = await world.BeginAsync("0", "moment", 1);
        var again = Event(3, 3).Data;
        foreach (var minute in new[] { 0, 4, 3, 8 })
        {
            world.Time.SetUtcNow(start.AddMinutes(Math.Max(minute, 4)));
            await first.ProcessAsync(new ShardBatch([Event(minute, minute)], TimeSpan.Zero), Cancel);
        }

        Assert.Equal(1L, (await world.AskAsync(["visits"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0][0]);
        var checkpoint = await first.StopAsync(Cancel);
        await first.DisposeAsync();
        await using var second = await world.BeginAsync("0", "moment", 2, checkpoint);
        await second.ProcessAsync(new ShardBatch([BatchWorld.Record("0", ++sequence, world.Time.GetUtcNow(), again.ToArray())], TimeSpan.Zero), Cancel);
        await second.StopAsync(Cancel);
        world.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(4L, (await world.AskAsync(["visits"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0][0]);
    }

    [Fact]
    public async Task An_event_that_is_sent_again_comes_to_the_same_shard_whether_the_lake_is_there_or_not()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        var stream = new Recorder();
        var ingest = new EventIngest(stream, world.Batches, world.Get<DeadLetters>(), Microsoft.Extensions.Options.Options.Create(world.Batches.Options), world.Time);
        var model = world.Get<Write.DataPlatform.Model.ModelStore>().Current;
        ReadOnlyMemory<byte>[] events =
        [
            .. Enumerable.Range(1, 5).Select(i => (ReadOnlyMemory<byte>)new Sent(i, world.Time.GetUtcNow().UtcDateTime, "FR", null, 1, 1, null).Json()),
            BatchWorld.Bytes($$"""{"at":"{{world.Time.GetUtcNow().UtcDateTime:O}}","country":"{{new string('x', 300)}}"}"""),
        ];
        var visits = Path.Combine(world.Files.Path, "visits");
        Directory.Move(visits, visits + ".away");
        await ingest.PutAsync(model, model.Streams[BatchWorld.Stream], events, Cancel);
        Directory.Move(visits + ".away", visits);
        world.Time.Advance(TimeSpan.FromMinutes(2));
        await ingest.PutAsync(model, model.Streams[BatchWorld.Stream], events, Cancel);
        Assert.Equal(12, stream.Keys.Count);
        Assert.Equal(["1", "2", "3", "4", "5"], stream.Keys.Take(5));
        Assert.Equal(stream.Keys.Take(6), stream.Keys.Skip(6));

        // However it is written.
        string[] again = ["7", "7.0", "7.00e0", "0.7e1"];
        await ingest.PutAsync(model, model.Streams[BatchWorld.Stream], [.. again.Select(id => (ReadOnlyMemory<byte>)BatchWorld.Bytes($$"""{"id":{{id}},"at":"{{world.Time.GetUtcNow().UtcDateTime:O}}"}"""))], Cancel);
        Assert.All(stream.Keys.Skip(12), key => Assert.Equal("7", key));
    }

    /// <summary>A stream that only knows by which key it was given what.</summary>
    private sealed class Recorder : IEventStreams, IEventStream
    {
        public List<string> Keys { get; } = [];

        public string Name => BatchWorld.Stream;

        public IEventStream Get(string name) => this;

        public Task<string> GetIdentityAsync(CancellationToken cancellationToken = default) => Task.FromResult("recorder");

        public Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default)
        {
            Keys.AddRange(records.Select(r => r.PartitionKey));
            return Task.FromResult<ImmutableArray<PutResult>>([.. records.Select(_ => new PutResult("0", default(SequenceNumber), null))]);
        }
    }

    /// <summary>Windows that no refresh covered in three days are removed. Gold without them would be too little, so it is not asked.</summary>
    [Fact]
    public async Task A_tail_that_no_refresh_covered_in_time_is_not_read_any_more()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var start = world.Time.GetUtcNow();
        var day = DateOnly.FromDateTime(start.UtcDateTime);
        await using var batcher = await world.BeginAsync("0", "kept", 1);
        await BeginAsync(world, batcher);
        await world.RefreshAsync("visits_daily", day, day);
        var (sequence, ofTheDay, berlin) = (1, 0L, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));
        async Task SendAsync()
        {
            var now = world.Time.GetUtcNow();
            await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", sequence, now, new Sent(sequence, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero), Cancel);
            sequence++;
            ofTheDay += DateOnly.FromDateTime(TimeZoneInfo.ConvertTimeFromUtc(now.UtcDateTime, berlin)) == day ? 1 : 0;
        }

        await SendAsync();
        Assert.Equal(["gold", "tail"], (await AskAsync(QuerySource.Auto)).Served.By);
        var hasRefused = false;
        while (world.Time.GetUtcNow() < start + TailStore.Retention + TimeSpan.FromDays(1))
        {
            world.Time.Advance(TimeSpan.FromHours(1));
            await SendAsync();
            await QuietAsync(world, batcher);
            var answer = await AskAsync(QuerySource.Auto);
            Assert.Equal(ofTheDay, answer.Rows[0][0]);
            if (!answer.Served.By.Contains("tail"))
            {
                Assert.Equal(["lake"], answer.Served.By);
                var refused = await Assert.ThrowsAsync<QueryException>(() => AskAsync(QuerySource.Gold));
                Assert.StartsWith("range:", refused.Problems[0].Message, StringComparison.Ordinal);
                hasRefused = true;
            }
            else
            {
                Assert.False(hasRefused);
            }
        }

        Assert.True(hasRefused);
        Assert.DoesNotContain(await world.Tails.ListAsync("visits_daily", null, fresh: true, cancellationToken: Cancel), s => s.Key.Window < start.UtcDateTime.AddHours(1));

        Task<MetricAnswer> AskAsync(QuerySource source) => world.AskAsync(["visits"], [], day, day.AddDays(1), source);
    }

    /// <summary>Where another lands events, gold takes them no sooner than they can be in the lake, and the tail has them meanwhile.</summary>
    [Fact]
    public async Task Gold_waits_for_events_that_another_lands()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings =>
        {
            settings["DataPlatform:MicroBatches:Landing"] = "Off";
            settings["DataPlatform:Refresh:LandingDelay"] = "00:10:00";
        });
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        await using var batcher = await world.BeginAsync("0", "delayed", 1);
        var random = new Random(11);
        var sent = new List<Sent>();
        var landed = 0;
        for (var minute = 0; minute < 60; minute++)
        {
            var now = world.Time.GetUtcNow();
            var one = new Sent(minute + 1, now.UtcDateTime.AddSeconds(-random.Next(60)), "FR", null, 1, minute, null);
            sent.Add(one);
            await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", minute + 1, now, one.Json())], TimeSpan.Zero), Cancel);
            world.Time.Advance(TimeSpan.FromSeconds(30));
            await batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero), Cancel);
            world.Time.Advance(TimeSpan.FromSeconds(30));

            // The other lands late, sometimes at once and sometimes after nearly all of the delay.
            if (random.Next(4) == 0 || sent[landed].At < world.Time.GetUtcNow().UtcDateTime.AddMinutes(-8))
            {
                for (; landed < sent.Count && (random.Next(3) > 0 || sent[landed].At < world.Time.GetUtcNow().UtcDateTime.AddMinutes(-8)); landed++)
                {
                    world.Files.Write($"visits/other-{landed}.parquet", $"SELECT {sent[landed].Id}::BIGINT AS id, TIMESTAMP '{sent[landed].At:yyyy-MM-dd HH:mm:ss.ffffff}' AS at, 'FR' AS country, NULL::VARCHAR AS customer, 1::BIGINT AS visitor, {sent[landed].Seconds}::INTEGER AS seconds, NULL::DECIMAL(10, 2) AS amount");
                }
            }

            if (minute % 5 == 4)
            {
                await world.RefreshAsync("visits_daily", day, day);
                if (minute > 20)
                {
                    var answer = await world.AskAsync(["visits", "seconds"], [], day, day.AddDays(1));
                    Assert.Equal(["gold", "tail"], answer.Served.By);
                    Assert.Equal([(object)(long)sent.Count, (long)sent.Sum(s => s.Seconds!.Value)], answer.Rows[0]);
                }
            }
        }

        Assert.InRange(landed, 40, 60);
    }

    [Fact]
    public void Open_windows_are_bounded_and_a_hot_one_is_split()
    {
        var windows = new ShardWindows(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(30), chunkEvents: _ => 10, maxOpenEvents: 100, []);
        var row = new EventRows([]);
        row.Begin();
        var start = new DateTime(2026, 3, 14, 12, 0, 0, DateTimeKind.Utc);
        var taken = new Dictionary<TakenAs, int>();
        for (var i = 0; i < 1000; i++)
        {
            // Minute after minute, all within the lateness.
            var time = start.AddSeconds(i);
            var how = windows.Take(time, time, (UInt128)i, new SequenceNumber(i), i, row);
            taken[how] = taken.GetValueOrDefault(how) + 1;
            Assert.True(windows.Open <= 3);
            foreach (var chunk in windows.Chunks)
            {
                Assert.True(chunk.Count <= 10);
                chunk.Written = chunk.Revision;
                windows.Empty(chunk);
            }

            windows.Drop(i);
        }

        Assert.Equal(1000, taken[TakenAs.Counted]);
        Assert.Equal(TakenAs.Late, windows.Take(start, start.AddSeconds(1000), (UInt128)5000, new SequenceNumber(1001), 1001, row));
    }

    /// <summary>One event of another day, so that the stream is one that is used.</summary>
    private static async Task BeginAsync(BatchWorld world, ShardBatcher batcher)
    {
        var now = world.Time.GetUtcNow();
        await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", 0, now, new Sent(0, now.UtcDateTime.AddDays(-2), null, null, 0, null, null).Json())], TimeSpan.Zero), Cancel);
        await QuietAsync(world, batcher);
    }

    private static async Task QuietAsync(BatchWorld world, ShardBatcher batcher)
    {
        for (var i = 0; i < 2; i++)
        {
            await batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero), Cancel);
            world.Time.Advance(TimeSpan.FromSeconds(21));
        }

        await batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero), Cancel);
    }
}
