using Write.DataPlatform.Security;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Security;

/// <summary>A day's queries, counted by several processes in one store.</summary>
public sealed class DailyQuotaTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Several_processes_allow_together_what_one_would()
    {
        await using var gold = new GoldFixture();
        DailyQuota[] processes = [New(gold), New(gold), New(gold)];
        var allowed = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 120), Cancel, async (i, cancellation) =>
        {
            if ((await processes[i % processes.Length].TakeAsync("acme", 50, cancellation)).IsAllowed)
            {
                Interlocked.Increment(ref allowed);
            }
        });
        Assert.Equal(50, allowed);
        Assert.True((await processes[0].TakeAsync("globex", 1, Cancel)).IsAllowed);
        Assert.False((await processes[1].TakeAsync("globex", 1, Cancel)).IsAllowed);
    }

    [Fact]
    public async Task Blocks_that_are_not_used_are_given_back()
    {
        await using var gold = new GoldFixture();
        const int limit = 20_000; // blocks of twenty
        await using (var first = New(gold))
        {
            for (var i = 1; i <= 7; i++)
            {
                Assert.Equal(limit - i, (await first.TakeAsync("acme", limit, Cancel)).Remaining);
            }
        }

        await using var second = New(gold);
        Assert.Equal(limit - 8, (await second.TakeAsync("acme", limit, Cancel)).Remaining);
    }

    [Fact]
    public async Task The_next_day_of_utc_begins_anew()
    {
        await using var gold = new GoldFixture();
        await using var quota = New(gold);
        var first = await quota.TakeAsync("acme", 1, Cancel);
        Assert.True(first.IsAllowed);
        Assert.Equal((TimeSpan.Zero, 0L), (first.ResetsAt.TimeOfDay, first.Remaining));
        Assert.False((await quota.TakeAsync("acme", 1, Cancel)).IsAllowed);
        gold.Clock.Advance(first.ResetsAt - gold.Clock.GetUtcNow() - TimeSpan.FromTicks(1));
        Assert.False((await quota.TakeAsync("acme", 1, Cancel)).IsAllowed);
        gold.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.True((await quota.TakeAsync("acme", 1, Cancel)).IsAllowed);
    }

    [Fact]
    public async Task Another_limit_holds_at_once()
    {
        await using var gold = new GoldFixture();
        await using var quota = New(gold);
        Assert.True((await quota.TakeAsync("acme", 1, Cancel)).IsAllowed);
        Assert.False((await quota.TakeAsync("acme", 1, Cancel)).IsAllowed);
        Assert.True((await quota.TakeAsync("acme", 2, Cancel)).IsAllowed);
        Assert.False((await quota.TakeAsync("acme", 2, Cancel)).IsAllowed);
    }

    private static DailyQuota New(GoldFixture gold) => new(gold.Store, gold.Clock);
}
