using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Gold;

public class LeasesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OneOfManyGetsALeaseAndGivesItBack()
    {
        await using var gold = new GoldFixture();
        var leases = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => New(gold).TryAcquireAsync("table/a", cancellationToken: Cancel)));
        var lease = Assert.Single(leases, lease => lease is not null)!;
        await using (var other = await New(gold).TryAcquireAsync("table/b", cancellationToken: Cancel))
        {
            Assert.NotNull(other);
        }

        await lease.DisposeAsync();
        Assert.Empty(await gold.Store.ListAsync("lease", "", Cancel).ToArrayAsync(Cancel));
        await using var again = await New(gold).TryAcquireAsync("table/a", cancellationToken: Cancel);
        Assert.NotNull(again);
    }

    [Fact]
    public async Task ALeaseThatIsRenewedIsNotTaken()
    {
        await using var gold = new GoldFixture();
        await using var lease = await New(gold).TryAcquireAsync("a", "other machine/1/1/x", Cancel);
        var observer = New(gold);
        for (var second = 0; second < 90; second += 10)
        {
            Assert.Null(await observer.TryAcquireAsync("a", cancellationToken: Cancel));
            var before = lease!.Counter;
            gold.Clock.Advance(TimeSpan.FromSeconds(10));
            await UntilAsync(() => lease.Counter > before);
        }

        Assert.False(lease!.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task ASilentHoldersLeaseIsTakenByWhoWatchedItForItsDuration()
    {
        await using var gold = new GoldFixture();
        await SilentAsync(gold, "a", "other machine/1/1/x", counter: 5);
        var (early, late) = (New(gold), New(gold));
        Assert.Null(await early.TryAcquireAsync("a", cancellationToken: Cancel));
        gold.Clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Null(await early.TryAcquireAsync("a", cancellationToken: Cancel));
        Assert.Null(await late.TryAcquireAsync("a", cancellationToken: Cancel));
        gold.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await late.TryAcquireAsync("a", cancellationToken: Cancel));
        await using var lease = await early.TryAcquireAsync("a", cancellationToken: Cancel);
        Assert.True(lease!.Counter > 5);

        // One sign of life, and the watch begins anew.
        await SilentAsync(gold, "b", "other machine/1/1/x", counter: 5);
        Assert.Null(await early.TryAcquireAsync("b", cancellationToken: Cancel));
        gold.Clock.Advance(TimeSpan.FromSeconds(29));
        await SilentAsync(gold, "b", "other machine/1/1/x", counter: 6);
        Assert.Null(await early.TryAcquireAsync("b", cancellationToken: Cancel));
        gold.Clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Null(await early.TryAcquireAsync("b", cancellationToken: Cancel));
    }

    [Fact]
    public async Task AHolderWhoseLeaseWasTakenIsToldAndDoesNotGiveBackTheOthers()
    {
        await using var gold = new GoldFixture();
        var lease = (await New(gold).TryAcquireAsync("a", "first", Cancel))!;
        await SilentAsync(gold, "a", "second", lease.Counter + 1);
        gold.Clock.Advance(TimeSpan.FromSeconds(10));
        await UntilAsync(() => lease.Lost.IsCancellationRequested);
        await lease.DisposeAsync();
        Assert.Single(await gold.Store.ListAsync("lease", "", Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task AHolderThatCannotReachTheStoreIsToldWhenTheDurationIsOver()
    {
        await using var gold = new GoldFixture();
        var lease = (await New(gold).TryAcquireAsync("a", cancellationToken: Cancel))!;
        var tries = 0;
        gold.Store.BeforeTryPut = _ =>
        {
            Interlocked.Increment(ref tries);
            return Task.FromException(new GoldStoreException("unreachable", isTransient: true));
        };
        gold.Clock.Advance(TimeSpan.FromSeconds(10));
        await UntilAsync(() => tries == 1);
        Assert.False(lease.Lost.IsCancellationRequested);
        gold.Clock.Advance(TimeSpan.FromSeconds(19));
        Assert.False(lease.Lost.IsCancellationRequested);
        gold.Clock.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(() => lease.Lost.IsCancellationRequested);
        await lease.DisposeAsync();
    }

    [Fact]
    public async Task ARenewalWhoseAnswerWasLostIsNoLoss()
    {
        await using var gold = new GoldFixture();
        var lease = (await New(gold).TryAcquireAsync("a", cancellationToken: Cancel))!;
        var failed = false;
        gold.Store.AfterTryPut = _ =>
        {
            (var first, failed) = (!failed, true);
            return first ? Task.FromException(new GoldStoreException("reset", isTransient: true)) : Task.CompletedTask;
        };
        var counter = lease.Counter;
        gold.Clock.Advance(TimeSpan.FromSeconds(10));
        await UntilAsync(() => failed);
        await UntilAsync(() =>
        {
            gold.Clock.Advance(TimeSpan.FromMilliseconds(100));
            return lease.Counter > counter || lease.Lost.IsCancellationRequested;
        });
        Assert.False(lease.Lost.IsCancellationRequested);
        await lease.DisposeAsync();
        Assert.Empty(await gold.Store.ListAsync("lease", "", Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task TheLeaseOfADeadProcessOfThisMachineIsFreeAtOnce()
    {
        await using var gold = new GoldFixture();
        var parts = ProcessIdentity.Current.Split('/');
        Assert.False(ProcessIdentity.IsGone(ProcessIdentity.Current + "/guid"));
        Assert.True(ProcessIdentity.IsGone($"{parts[0]}/{parts[1]}/1/guid"));
        Assert.False(ProcessIdentity.IsGone($"another/{parts[1]}/1/guid"));
        Assert.False(ProcessIdentity.IsGone("nonsense"));

        string owner;
        using (var process = Process.Start(new ProcessStartInfo("dotnet", ["--version"]) { RedirectStandardOutput = true })!)
        {
            owner = $"{parts[0]}/{process.Id}/{parts[2]}";
            await process.WaitForExitAsync(Cancel);
        }

        await SilentAsync(gold, "a", owner, counter: 5);
        await using (var lease = await New(gold).TryAcquireAsync("a", cancellationToken: Cancel))
        {
            Assert.NotNull(lease);
        }

        await SilentAsync(gold, "a", ProcessIdentity.Current + "/guid", counter: 5);
        Assert.Null(await New(gold).TryAcquireAsync("a", cancellationToken: Cancel));
    }

    [Fact]
    public async Task ALeaseReleasedAndTakenAgainIsNotMistakenForASilentOne()
    {
        await using var gold = new GoldFixture();
        var observer = New(gold);
        var holder = New(gold);
        var lease = (await holder.TryAcquireAsync("a", "other machine/1/1/x", Cancel))!;
        Assert.Null(await observer.TryAcquireAsync("a", cancellationToken: Cancel));
        await lease.DisposeAsync();
        gold.Clock.Advance(TimeSpan.FromSeconds(30));
        await using var again = (await holder.TryAcquireAsync("a", "other machine/1/1/x", Cancel))!;
        Assert.Null(await observer.TryAcquireAsync("a", cancellationToken: Cancel));
    }

    private static Leases New(GoldFixture gold) => new(gold.Store, gold.Options, gold.Clock, NullLogger<Leases>.Instance);

    private static Task SilentAsync(GoldFixture gold, string name, string owner, long counter) =>
        gold.Store.PutAsync([new GoldItem("lease", name, counter, JsonSerializer.SerializeToUtf8Bytes(new { owner, milliseconds = 30_000 }))], Cancel);

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            Cancel.ThrowIfCancellationRequested();
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel);
        }
    }
}

/// <summary>The same on DynamoDB.</summary>
public sealed class DynamoDbLeasesTests : LeasesTests, IOnDynamoDb;
