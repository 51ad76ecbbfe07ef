using System.Globalization;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Gold;

public class RunLedgerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARunComesBackAsItWasEntered()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        var run = Run(gold, ledger.NewId(), "t") with
        {
            RequestedFrom = new DateOnly(2026, 1, 1),
            RequestedTo = new DateOnly(2026, 3, 1),
            Full = true,
            Owner = ProcessIdentity.Current,
            Error = "é",
            Partitions = [Partition("2026-01", RunPartitionState.Pending), Partition("2026-02", RunPartitionState.Failed) with { Tenant = "acme", Attempts = 3, Error = "no", Rows = 1, Bytes = 2, BytesScanned = 3, StartedAt = gold.Clock.GetUtcNow(), EndedAt = gold.Clock.GetUtcNow() }],
        };
        await ledger.CreateAsync(run, Cancel);
        var read = (await New(gold).GetAsync(run.Id, Cancel))!;
        Assert.Equal(run with { Partitions = read.Partitions }, read);
        Assert.Equal(run.Partitions, read.Partitions);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ledger.CreateAsync(run, Cancel));
        Assert.Null(await ledger.GetAsync("none", Cancel));
        Assert.Null(await ledger.UpdateAsync("none", found => found, Cancel));
    }

    [Fact]
    public async Task ChangesOfManyAtOnceAreAllKept()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        var run = Run(gold, ledger.NewId(), "t");
        await ledger.CreateAsync(run, Cancel);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(number => New(gold).UpdateAsync(run.Id, found => found.With(Partition($"p{number:00}", RunPartitionState.Running)), Cancel))
            .Append(ledger.RequestCancelAsync(run.Id, Cancel)));
        await ledger.UpdateAsync(run.Id, found => found.With(Partition("p03", RunPartitionState.Succeeded)), Cancel);
        var read = (await ledger.GetAsync(run.Id, Cancel))!;
        Assert.True(read.CancelRequested);
        Assert.Equal(Enumerable.Range(0, 20).Select(number => $"p{number:00}"), read.Partitions.Select(partition => partition.Period).Order(StringComparer.Ordinal));
        Assert.Equal("p03", Assert.Single(read.Partitions, partition => partition.State == RunPartitionState.Succeeded).Period);
    }

    [Fact]
    public async Task ARunThatIsOverIsNotCancelled()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        await ledger.CreateAsync(Run(gold, "r", "t") with { State = RunState.Succeeded }, Cancel);
        Assert.False((await ledger.RequestCancelAsync("r", Cancel))!.CancelRequested);
        Assert.Null(await ledger.RequestCancelAsync("none", Cancel));
    }

    [Fact]
    public async Task RunsAreListedNewestFirstUntilTheyExpire()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        var ids = new List<string>();
        for (var number = 0; number < 50; number++)
        {
            ids.Insert(0, ledger.NewId());
            await ledger.CreateAsync(Run(gold, ids[0], number % 2 == 0 ? "even" : "odd"), Cancel);
            gold.Clock.Advance(TimeSpan.FromHours(12));
        }

        Assert.Equal(ids, await ledger.ListAsync(limit: 100, cancellationToken: Cancel).Select(run => run.Id).ToArrayAsync(Cancel));
        Assert.Equal(ids.Take(7), await ledger.ListAsync(limit: 7, cancellationToken: Cancel).Select(run => run.Id).ToArrayAsync(Cancel));
        Assert.Equal(ids.Where((_, number) => number % 2 == 1).Take(3), await ledger.ListAsync("even", 3, Cancel).Select(run => run.Id).ToArrayAsync(Cancel));
        gold.Clock.Advance(TimeSpan.FromDays(10));
        Assert.Equal(ids.Take(39), await ledger.ListAsync(limit: 100, cancellationToken: Cancel).Select(run => run.Id).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task ARunOfVeryManyPartitionsFitsAndSaysWhatItLeftOut()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        var random = new Random(1);
        string Noise() => Convert.ToHexString(Enumerable.Range(0, 100).Select(_ => (byte)random.Next(256)).ToArray());
        var partitions = Enumerable.Range(0, 12_000).Select(number =>
            Partition(number.ToString(CultureInfo.InvariantCulture), number % 100 == 0 ? RunPartitionState.Failed : RunPartitionState.Succeeded) with { Error = Noise() }).ToList();
        var run = Run(gold, "r", "t") with { Partitions = [.. partitions], Error = new string('x', 10_000) };
        await ledger.CreateAsync(run, Cancel);
        var read = (await ledger.GetAsync("r", Cancel))!;
        Assert.Equal(11_880, read.OmittedPartitions);
        Assert.Equal(partitions.Where(partition => partition.State == RunPartitionState.Failed), read.Partitions);
        Assert.InRange(read.Error!.Length, 1, 2001);
        read = await ledger.UpdateAsync("r", found => found with { Partitions = [.. partitions.Select(partition => partition with { State = RunPartitionState.Failed })] }, Cancel);
        read = await ledger.GetAsync("r", Cancel);
        Assert.NotEmpty(read!.Partitions);
        Assert.Equal(11_880 + 12_000, read.Partitions.Length + read.OmittedPartitions);
    }

    [Fact]
    public async Task TheLastWholeRunOfATableIsNotedForGoodAndNeverAnEarlierOne()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        Assert.Empty(await ledger.LastWholeAsync(Cancel));
        var early = Run(gold, "early", "a#b");
        gold.Clock.Advance(TimeSpan.FromHours(1));
        var late = Run(gold, "late", "a#b");
        gold.Clock.Advance(TimeSpan.FromHours(1));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(number => New(gold).NoteWholeAsync(number % 2 == 0 ? early : late, Cancel)));
        await ledger.NoteWholeAsync(early, Cancel);
        await ledger.NoteWholeAsync(Run(gold, "other", "other"), Cancel);
        Assert.Equal([("a#b", late.StartedAt), ("other", gold.Clock.GetUtcNow())], (await ledger.LastWholeAsync(Cancel)).Select(n => (n.Key, n.Value!.Value)).Order());
        Assert.Empty(await ledger.ListAsync(cancellationToken: Cancel).ToListAsync(Cancel));
        gold.Clock.Advance(gold.Options.Value.RunRetention * 2);
        Assert.Equal(late.StartedAt, (await ledger.LastWholeAsync(Cancel))["a#b"]);
    }

    [Fact]
    public async Task ADroppedTableIsNotedAsSuchUntilItIsRefreshedOrItsRunsAreGone()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        foreach (var table in new[] { "again", "gone" })
        {
            await ledger.NoteWholeAsync(Run(gold, "r", table), Cancel);
            await ledger.NoteDroppedAsync(table, Cancel);
        }

        Assert.Equal([null, null], (await ledger.LastWholeAsync(Cancel)).Values);
        await ledger.NoteWholeAsync(Run(gold, "r", "again"), Cancel);
        gold.Clock.Advance(gold.Options.Value.RunRetention + TimeSpan.FromMinutes(1));
        Assert.Equal("again", Assert.Single((await ledger.LastWholeAsync(Cancel)).Keys));
        await ledger.NoteWholeAsync(Run(gold, "r", "gone"), Cancel);
        Assert.Equal(gold.Clock.GetUtcNow(), (await ledger.LastWholeAsync(Cancel))["gone"]);
    }

    [Fact]
    public async Task AClockThatWasAheadMakesNoTableFreshForLonger()
    {
        await using var gold = new GoldFixture();
        var ledger = New(gold);
        await ledger.NoteWholeAsync(Run(gold, "r", "t") with { StartedAt = gold.Clock.GetUtcNow().AddYears(1) }, Cancel);
        await ledger.NoteWholeAsync(Run(gold, "r", "t"), Cancel);
        Assert.Equal(gold.Clock.GetUtcNow(), (await ledger.LastWholeAsync(Cancel))["t"]);
    }

    private static RunLedger New(GoldFixture gold) => new(gold.Store, gold.Options, gold.Clock);

    private static RefreshRun Run(GoldFixture gold, string id, string table) =>
        new() { Id = id, Table = table, Trigger = RunTrigger.Manual, State = RunState.Running, StartedAt = gold.Clock.GetUtcNow(), Basis = gold.Clock.GetUtcNow() };

    private static RunPartition Partition(string period, RunPartitionState state) => new() { Period = period, State = state };
}

/// <summary>The same on DynamoDB.</summary>
public sealed class DynamoDbRunLedgerTests : RunLedgerTests, IOnDynamoDb;
