using System.Threading.RateLimiting;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Insights;

/// <summary>
/// Who reads the lake's answers: so many queries at once, the others in line. Each tenant has a line of its own, and no more than half of the turns,
/// so that others come in between. Whoever stands here has no place among the queries that gold answers (<see cref="QueryPlace"/>), which a hanging lake therefore leaves alone.
/// </summary>
internal sealed class LakeTurns : IDisposable
{
    private const int MaxWaiting = 1_000;

    private readonly PartitionedRateLimiter<string> _tenants;
    private readonly ConcurrencyLimiter _all;

    /// <param name="count">How many read at once.</param>
    public LakeTurns(int count)
    {
        _tenants = PartitionedRateLimiter.Create<string, string>(tenant => RateLimitPartition.GetConcurrencyLimiter(tenant, _ => Options((count + 1) / 2, MaxWaiting)));
        _all = new ConcurrencyLimiter(Options(count, int.MaxValue));
    }

    /// <summary>Waits for a turn; dispose it when it is over.</summary>
    /// <param name="tenant">Whose query it is; null for the company's own.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="LakeException">Too many wait already.</exception>
    public async Task<IDisposable> TakeAsync(string? tenant, CancellationToken cancellationToken = default)
    {
        await QueryPlace.LeaveForLakeAsync(cancellationToken);
        var own = await _tenants.AcquireAsync(tenant ?? "", cancellationToken: cancellationToken);
        try
        {
            return own.IsAcquired
                ? new Turn(own, await _all.AcquireAsync(cancellationToken: cancellationToken))
                : throw new LakeException("Too many queries wait for the lake already.", isTransient: true);
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _tenants.Dispose();
        _all.Dispose();
    }

    private static ConcurrencyLimiterOptions Options(int count, int waiting) => new() { PermitLimit = count, QueueLimit = waiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst };

    private sealed class Turn(RateLimitLease own, RateLimitLease all) : IDisposable
    {
        public void Dispose()
        {
            all.Dispose();
            own.Dispose();
        }
    }
}

/// <summary>The place that a request has among the queries that are answered at a time. A query that the lake must answer gives it up for one among the tenant's queries of the lake.</summary>
internal static class QueryPlace
{
    private static readonly AsyncLocal<(Action Leave, Func<CancellationToken, Task> LeaveForLake)?> Current = new();

    /// <summary>Says how the place of the request at hand is given up, and exchanged, either of which may be done again.</summary>
    public static void Take(Action leave, Func<CancellationToken, Task> leaveForLake) => Current.Value = (leave, leaveForLake);

    /// <summary>Gives it up, if there is one.</summary>
    public static void Leave() => Current.Value?.Leave();

    /// <summary>Exchanges it, if there is one, for a place that is kept until the answer is sent: what the lake answered and nobody has taken lies in memory.</summary>
    public static Task LeaveForLakeAsync(CancellationToken cancellationToken) => Current.Value?.LeaveForLake(cancellationToken) ?? Task.CompletedTask;
}
