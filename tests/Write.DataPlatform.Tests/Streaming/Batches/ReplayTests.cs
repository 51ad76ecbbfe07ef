using System.Collections.Concurrent;
using System.Globalization;
using CsCheck;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>
/// Random schedules: events out of order, sent again and delivered again, workers killed between any two steps, handing over, and believing that they own a shard which they lost,
/// checkpoints that lag, refreshes at any moment and killed between any two writes. The numbers equal those over the distinct events.
/// </summary>
public sealed class ReplayTests
{
    // A schedule puts the clock three days on; files, whose times are the machine's, must not come to lie in its past.
    private const int SchedulesAWorld = 60;

    private static readonly string[] Shards = ["0", "1"];

    [Fact]
    public Task Numbers_equal_those_over_the_distinct_events_whatever_happens() => RunAsync(BatchWorld.Lean, RandomCases.Of(500, weight: 6));

    /// <summary>With a clock that is ahead of the files' times, every landing makes one file of those before, and removes them soon.</summary>
    [Fact]
    public Task So_they_do_while_files_become_one() => RunAsync(BatchWorld.Lean, RandomCases.Of(40, weight: 33), new DateTimeOffset(2031, 3, 14, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public Task So_do_sketches_lookups_joins_and_tenants() => RunAsync(BatchWorld.Model, RandomCases.Of(5, weight: 100));

    /// <summary>
    /// Schedules that once failed: a shard that began behind a cut; a partition that was read before the stream began beside one that was cut; windows that were removed behind a
    /// partition without a cut, which its next version left to the stream.
    /// </summary>
    [Theory]
    [InlineData(1043745, false)]
    [InlineData(11514, false)]
    [InlineData(8263159, true)]
    [InlineData(602939, false)]
    public async Task Schedules_that_once_failed_pass(int seed, bool isRich)
    {
        await using var world = new BatchWorld(isRich ? BatchWorld.Model : BatchWorld.Lean);
        await world.StartAsync();
        await new Schedule(world, seed).RunAsync();
    }

    private static async Task RunAsync(string model, long cases, DateTimeOffset? now = null)
    {
        var worlds = new ConcurrentBag<(BatchWorld World, int Schedules)>();
        var all = new ConcurrentBag<BatchWorld>();
        try
        {
            await Gen.Int.Positive.CheckAsync(
                async seed =>
                {
                    if (!worlds.TryTake(out var used))
                    {
                        all.Add((used = (new BatchWorld(model, now), 0)).World);
                        await used.World.StartAsync();
                    }

                    await new Schedule(used.World, seed).RunAsync();
                    if (used.Schedules + 1 < SchedulesAWorld)
                    {
                        worlds.Add((used.World, used.Schedules + 1));
                    }
                },
                cases);
        }
        finally
        {
            foreach (var world in all)
            {
                await world.DisposeAsync();
            }
        }
    }

    private sealed class Killed : Exception;

    private sealed class Worker
    {
        public required ShardBatcher Batcher { get; init; }

        public required int Shard { get; init; }

        public required int Next { get; set; }

        public ShardCheckpoint? Returned { get; set; }
    }

    private sealed class Schedule(BatchWorld world, int seed)
    {
        private readonly Random _random = new(seed);
        private readonly string _identity = "stream-" + Guid.NewGuid().ToString("N");
        private readonly List<StreamRecord>[] _records = [[], []];
        private readonly Dictionary<long, Sent> _sent = [];
        private readonly HashSet<(string, string)> _bad = [];
        private readonly List<Worker> _zombies = [];
        private readonly Worker?[] _workers = new Worker?[2];
        private readonly ShardCheckpoint?[] _checkpoints = new ShardCheckpoint?[2];
        private long _fence;
        private long _sequence;
        private int _untilKill = int.MaxValue;
        private DateOnly _day;

        private static CancellationToken Cancel => TestContext.Current.CancellationToken;

        public async Task RunAsync()
        {
            // What another schedule left is not this one's.
            world.Batches.Options.ChunkEvents = _random.Next(3, 13);

            // Days of other schedules are not this one's. Half of them run over midnight in Berlin.
            var today = world.Time.GetUtcNow().UtcDateTime.Date.AddDays(3);
            world.Time.SetUtcNow(new DateTimeOffset(today.AddHours(_random.Next(2) == 0 ? 10 : 22).AddMinutes(57), TimeSpan.Zero));
            _day = DateOnly.FromDateTime(today);
            world.Batches.At = _ =>
            {
                if (--_untilKill == 0)
                {
                    _untilKill = int.MaxValue;
                    throw new Killed();
                }
            };
            try
            {
                var steps = _random.Next(5, 10);
                for (var i = 0; i < steps; i++)
                {
                    await StepAsync();
                }

                await FinishAsync();
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.IAssertionException)
            {
                throw new InvalidOperationException($"seed {seed}, {_day:O}: {exception}", exception);
            }
            finally
            {
                await CleanAsync();
            }
        }

        private async Task StepAsync()
        {
            Send(_random.Next(1, 8));
            var shard = _random.Next(2);
            switch (_random.Next(11))
            {
                case 0:
                    // Another believes that it owns the shard.
                    if (_workers[shard] is { } lost)
                    {
                        _zombies.Add(lost);
                        _workers[shard] = null;
                    }

                    break;
                case 1 or 2:
                    _untilKill = _random.Next(1, 12);
                    break;
                case 3 or 4:
                    await RefreshAsync();
                    break;
                case 5:
                    await world.Get<TailKeeper>().RetireAsync(Cancel);
                    break;
                case 6:
                    await HandOverAsync(shard);
                    break;
            }

            await WorkAsync(shard);
            foreach (var zombie in _zombies.Where(_ => _random.Next(2) == 0).ToList())
            {
                await LetAsync(zombie);
            }

            world.Time.Advance(TimeSpan.FromSeconds(_random.Next(0, 40)));
            if (_random.Next(4) == 0)
            {
                Assert.True(await VisitsAsync() <= _sent.Count, $"seed {seed}: more than were sent");
            }
        }

        private void Send(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var now = world.Time.GetUtcNow();
                var kind = _random.Next(20);
                if (kind < 2 && _sent.Count > 0)
                {
                    var again = _sent.Values.ElementAt(_random.Next(_sent.Count));
                    Append((int)(again.Id % 2), again.Json());
                }
                else if (kind == 2)
                {
                    var shard = _random.Next(2);
                    Append(shard, BatchWorld.Bytes(new[] { "{", "[1]", "{\"id\":\"x\",\"at\":\"2026-01-01T00:00:00Z\"}", "{\"id\":1}", "{\"id\":2,\"at\":\"1970-01-01T00:00:00Z\"}" }[_random.Next(5)]));
                    _bad.Add((Shards[shard], _sequence.ToString(CultureInfo.InvariantCulture)));
                }
                else
                {
                    var id = _sent.Count + 1L + (long)seed * 1000;
                    var back = _random.Next(8) == 0 ? _random.Next(100, 400) : _random.Next(-5, 100);
                    var sent = new Sent(
                        id, now.UtcDateTime.AddSeconds(-back), new[] { "FR", "DE", null }[_random.Next(3)], new[] { "acme", "bolt", null }[_random.Next(3)], _random.Next(25), _random.Next(5) == 0 ? null : _random.Next(100), _random.Next(1000) / 100m);
                    _sent.Add(id, sent);
                    Append((int)(id % 2), sent.Json());
                }

                world.Time.Advance(TimeSpan.FromSeconds(_random.Next(0, 6)));
            }
        }

        private void Append(int shard, byte[] data) => _records[shard].Add(BatchWorld.Record(Shards[shard], ++_sequence, world.Time.GetUtcNow(), data));

        private async Task WorkAsync(int shard)
        {
            try
            {
                if (_workers[shard] is null)
                {
                    // A process may be started with another setting.
                    world.Batches.Options.ChunkEvents = _random.Next(3) == 0 ? _random.Next(3, 13) : world.Batches.Options.ChunkEvents;
                    var batcher = await world.BeginAsync(Shards[shard], _identity, ++_fence, _checkpoints[shard]);
                    _workers[shard] = new Worker { Batcher = batcher, Shard = shard, Next = IndexOf(shard, _checkpoints[shard]?.Position) };
                }
            }
            catch (Killed)
            {
                return;
            }

            var worker = _workers[shard]!;
            if (!await LetAsync(worker))
            {
                _workers[shard] = null;
                return;
            }

            // The worker's own checkpoint may lag.
            if (_random.Next(2) == 0)
            {
                _checkpoints[shard] = worker.Returned ?? _checkpoints[shard];
            }
        }

        /// <summary>One call of a processor; false if that ended it.</summary>
        private async Task<bool> LetAsync(Worker worker)
        {
            var records = _records[worker.Shard];
            var from = worker.Next > 0 && _random.Next(6) == 0 ? worker.Next - 1 : worker.Next;
            var count = _random.Next(0, 12);
            var batch = records.Skip(from).Take(count).ToList();
            var isTip = from + batch.Count >= records.Count;
            try
            {
                worker.Returned = await worker.Batcher.ProcessAsync(new ShardBatch([.. batch], isTip ? TimeSpan.Zero : TimeSpan.FromSeconds(1)), Cancel) ?? worker.Returned;
                worker.Next = from + batch.Count;
                return true;
            }
            catch (Exception exception) when (exception is Killed or GoldStoreException { IsTransient: true })
            {
                await worker.Batcher.DisposeAsync();
                _zombies.Remove(worker);
                return false;
            }
        }

        private int IndexOf(int shard, ShardPosition? position) => position switch
        {
            null or { Kind: PositionKind.TrimHorizon } => 0,
            { Kind: PositionKind.At } at => _records[shard].FindIndex(r => r.Sequence == at.Sequence),
            { Kind: PositionKind.After } after => _records[shard].FindIndex(r => r.Sequence == after.Sequence) + 1,
            _ => _records[shard].Count,
        };

        /// <summary>A worker that is told to stop gives the shard to another one, if it lives so long.</summary>
        private async Task HandOverAsync(int shard)
        {
            if (_workers[shard] is not { } worker)
            {
                return;
            }

            _workers[shard] = null;
            try
            {
                _checkpoints[shard] = await worker.Batcher.StopAsync(Cancel) ?? _checkpoints[shard];
            }
            catch (Exception exception) when (exception is Killed or GoldStoreException { IsTransient: true })
            {
            }

            await worker.Batcher.DisposeAsync();
        }

        /// <summary>A refresh, which is killed at one of its writes now and then.</summary>
        private async Task RefreshAsync()
        {
            var untilKill = _random.Next(2) == 0 ? _random.Next(1, 8) : int.MaxValue;
            var isKilled = false;
            world.Store.Writing = () =>
            {
                if (Interlocked.Decrement(ref untilKill) == 0)
                {
                    isKilled = true;
                    throw new Killed();
                }
            };
            try
            {
                await world.RefreshAsync("visits_daily", _day, _day.AddDays(1));
                if (!world.IsLean && _random.Next(2) == 0)
                {
                    await world.RefreshAsync("customers_hourly", _day, _day.AddDays(1));
                }
            }
            catch (Exception) when (isKilled)
            {
            }
            finally
            {
                world.Store.Writing = static () => { };
            }
        }

        private async Task<long> VisitsAsync() => (await world.AskAsync(["visits"], [], _day.AddDays(-1), _day.AddDays(2))).Rows is [[long visits]] ? visits : 0;

        private async Task FinishAsync()
        {
            _untilKill = int.MaxValue;
            for (var shard = 0; shard < 2; shard++)
            {
                do
                {
                    await WorkAsync(shard);
                }
                while (_workers[shard] is not { } worker || worker.Next < _records[shard].Count);
            }

            // The clock closes what is open.
            for (var i = 0; i < 3; i++)
            {
                world.Time.Advance(TimeSpan.FromSeconds(25));
                for (var shard = 0; shard < 2; shard++)
                {
                    await QuietAsync(shard);
                }
            }

            var letters = await world.Get<DeadLetters>().ListAsync(BatchWorld.Stream, Cancel).ToListAsync(Cancel);
            var late = letters.Count(l => l.Reason == DeadReasons.Late);
            Assert.Equal(_bad.Order(), letters.Where(l => l.Reason != DeadReasons.Late).Select(l => (l.Shard, l.Sequence)).Order());
            var answer = await world.AskAsync(["visits"], [], _day.AddDays(-1), _day.AddDays(2));
            var before = answer.Rows is [[long visits]] ? visits : 0;

            // A partition that was read before the stream began is as of then; the keeper has it read again.
            var manifest = await world.Get<GoldTables>().GetManifestAsync("visits_daily", null, fresh: true, Cancel);
            var asOfThen = manifest.Partitions.Where(p => p.Value.Cuts is not { Count: > 0 }).Select(p => p.Key).ToHashSet();
            var least = _sent.Values.Count(s => !asOfThen.Contains(DayOf(s).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture))) - late;
            Assert.True(before <= _sent.Count && before >= least, $"seed {seed}: {before} of {_sent.Count}, at least {least}, {late} late, by {string.Join(" and ", answer.Served.By)}");

            // All that was sent is in the lake, once.
            Assert.Equal(_sent.Keys.Order(), world.Files.Read($"SELECT id FROM read_parquet([{string.Join(", ", Landed().Select(f => $"'{f}'"))}])").Select(r => (long)r[0]!).Order());
            await world.RefreshAsync("visits_daily", _day.AddDays(-1), _day.AddDays(1));
            if (!world.IsLean)
            {
                await world.RefreshAsync("customers_hourly", _day.AddDays(-1), _day.AddDays(1));
            }

            await CompareAsync();
            await world.Get<TailKeeper>().RetireAsync(Cancel);
            world.Time.Advance(TimeSpan.FromSeconds(31));
            await world.Get<TailKeeper>().RetireAsync(Cancel);
            await CompareAsync();
        }

        /// <summary>The day in the model's zone.</summary>
        private static DateOnly DayOf(Sent sent) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTimeFromUtc(sent.At, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")));

        private async Task QuietAsync(int shard)
        {
            for (var i = 0; i < 2; i++)
            {
                await _workers[shard]!.Batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero), Cancel);
                world.Time.Advance(TimeSpan.FromSeconds(6));
            }
        }

        private IEnumerable<string> Landed() =>
            Write.DataPlatform.Lake.LandedFile.WithoutCovered([.. Directory.EnumerateFiles(Path.Combine(world.Files.Path, "visits"), "landed.*.parquet")], f => f).DefaultIfEmpty(Path.Combine(world.Files.Path, "visits", "seed.parquet"));

        private async Task CompareAsync()
        {
            var (from, to) = (_day.AddDays(-1), _day.AddDays(2));
            if (world.IsLean)
            {
                var sums = await world.AskAsync(["visits", "seconds"], ["visit__country"], from, to, QuerySource.Gold);
                Assert.Equal(
                    _sent.Values.GroupBy(s => s.Country).Select(g => $"{g.Key}|{g.Count()}|{(g.Any(s => s.Seconds is not null) ? g.Sum(s => s.Seconds) : null)}").Order(StringComparer.Ordinal),
                    sums.Rows.Select(r => string.Join('|', r)).Order(StringComparer.Ordinal));
                return;
            }

            var answer = await world.AskAsync(["visits", "seconds", "longest", "amount", "french"], ["metric_time__day", "visit__country__region", "visitor__plan"], from, to, QuerySource.Gold);
            var expected = _sent.Values
                .GroupBy(s => (
                    Day: DayOf(s),
                    Region: s.Country switch { "FR" => "west", "DE" => "middle", _ => null },
                    Plan: s.Visitor < 20 ? s.Visitor % 2 == 0 ? "basic" : "premium" : null))
                .Select(g => string.Join('|', g.Key.Day.ToString("O", CultureInfo.InvariantCulture), g.Key.Region, g.Key.Plan, g.Count(), g.Any(s => s.Seconds is not null) ? g.Sum(s => s.Seconds) : null, g.Max(s => s.Seconds), g.Sum(s => s.Amount!.Value).ToString("0.00", CultureInfo.InvariantCulture), g.Count(s => s.Country == "FR") is var french and > 0 ? french : null))
                .Order(StringComparer.Ordinal);
            Assert.Equal(expected, answer.Rows.Select(r => string.Join('|', r.Select(v => v is DateOnly d ? d.ToString("O", CultureInfo.InvariantCulture) : v is decimal m ? m.ToString("0.00", CultureInfo.InvariantCulture) : v))).Order(StringComparer.Ordinal));
            foreach (var tenant in new[] { "acme", "bolt" })
            {
                var own = await world.AskAsync(["visits"], [], from, to, QuerySource.Gold, tenant);
                Assert.Equal(_sent.Values.Count(s => s.Customer == tenant), own.Rows[0][0] as long? ?? 0);
            }

            // A sketch says the same of gold with its tail as of the lake.
            var (gold, lake) = (await world.AskAsync(["people", "mean"], [], from, to, QuerySource.Gold), await world.AskAsync(["people", "mean"], [], from, to, QuerySource.Lake));
            Assert.Equal(lake.Rows[0][0], gold.Rows[0][0]);
            Assert.Equal(lake.Rows[0][1] as double? ?? 0, gold.Rows[0][1] as double? ?? 0, 9);
        }

        private async Task CleanAsync()
        {
            foreach (var worker in _zombies.Concat(_workers.OfType<Worker>()))
            {
                await worker.Batcher.DisposeAsync();
            }

            foreach (var file in Directory.EnumerateFiles(Path.Combine(world.Files.Path, "visits"), "landed.*"))
            {
                File.Delete(file);
            }

            foreach (var (table, tenant) in new (string, string?)[] { ("visits_daily", null), ("customers_hourly", "acme"), ("customers_hourly", "bolt") }.Take(world.IsLean ? 1 : 3))
            {
                await world.Tails.DeleteAsync(table, tenant, [.. await world.Tails.ListAsync(table, tenant, fresh: true, cancellationToken: Cancel)], Cancel);
                var manifest = await world.Get<GoldTables>().GetManifestAsync(table, tenant, fresh: true, Cancel);
                await world.Get<GoldTables>().RemovePartitionsAsync(table, tenant, [.. manifest.Partitions.Keys], Cancel);
            }

            await foreach (var letter in world.Get<DeadLetters>().ListAsync(BatchWorld.Stream, Cancel))
            {
                await world.Get<DeadLetters>().RemoveAsync(BatchWorld.Stream, letter.Id, Cancel);
            }
        }
    }
}
