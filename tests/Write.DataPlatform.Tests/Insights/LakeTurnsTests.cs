using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Tests.Insights;

/// <summary>Turns at the lake: half of them at most for a tenant, in the order of asking, and a line that ends somewhere.</summary>
public sealed class LakeTurnsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tenant_that_asks_for_all_leaves_half_to_others()
    {
        using var turns = new LakeTurns(4);
        var acme = Enumerable.Range(0, 6).Select(_ => turns.TakeAsync("acme", Cancel)).ToList();
        Assert.Equal(2, acme.Count(t => t.IsCompletedSuccessfully));
        var others = new[] { turns.TakeAsync("bolt", Cancel), turns.TakeAsync(null, Cancel) };
        Assert.All(others, t => Assert.True(t.IsCompletedSuccessfully));

        // All turns are taken: whoever comes first when one is free.
        var third = turns.TakeAsync("globex", Cancel);
        (await others[0]).Dispose();
        (await third.WaitAsync(TimeSpan.FromSeconds(30), Cancel)).Dispose();

        // One of its own gives way to its next.
        (await acme[0]).Dispose();
        await acme[2].WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.False(acme[3].IsCompleted);
    }

    [Fact]
    public async Task Who_goes_away_leaves_the_line_and_no_turn_is_lost()
    {
        using var turns = new LakeTurns(1);
        var first = await turns.TakeAsync("acme", Cancel);
        using var patience = new CancellationTokenSource();
        var waits = turns.TakeAsync("bolt", patience.Token);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
        var next = turns.TakeAsync("bolt", Cancel);
        Assert.False(next.IsCompleted);
        first.Dispose();
        (await next.WaitAsync(TimeSpan.FromSeconds(30), Cancel)).Dispose();
        (await turns.TakeAsync("acme", Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel)).Dispose();
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_refused()
    {
        using var turns = new LakeTurns(1);
        var waiting = Enumerable.Range(0, 1_001).Select(_ => turns.TakeAsync("acme", Cancel)).ToList();
        Assert.Equal(1, waiting.Count(t => t.IsCompletedSuccessfully));
        Assert.True((await Assert.ThrowsAsync<LakeException>(async () => await turns.TakeAsync("acme", Cancel))).IsTransient);
        (await waiting[0]).Dispose();
        (await waiting[1].WaitAsync(TimeSpan.FromSeconds(30), Cancel)).Dispose();
    }
}
