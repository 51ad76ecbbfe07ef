using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Limits;

/// <summary>
/// How much each caller may ask: requests a second, queries a day, queries at a time. A tenant's queries wait for the tenant's own places first and for the server's
/// then, so that however many it sends, no more than its places stand in the queue before another tenant's.
/// </summary>
internal sealed class CallLimits : IAsyncDisposable
{
    private const string TenantPolicy = "tenant";
    private const string KeyPolicy = "key";
    private const string DayPolicy = "day";

    private readonly LimitOptions _settings;
    private readonly DailyQuota _quota;
    private readonly ModelStore _models;
    private readonly TimeProvider _clock;
    private readonly PartitionedRateLimiter<Bucket> _rates;
    private readonly PartitionedRateLimiter<string> _places;
    private readonly ConcurrencyLimiter _server;

    public CallLimits(IOptions<LimitOptions> settings, DailyQuota quota, ModelStore models, TimeProvider clock)
    {
        (_settings, _quota, _models, _clock) = (settings.Value, quota, models, clock);
        // A model with another rate has other buckets.
        _rates = PartitionedRateLimiter.Create<Bucket, Bucket>(bucket => RateLimitPartition.GetTokenBucketLimiter(bucket, static b => b.ToOptions()));
        _places = PartitionedRateLimiter.Create<string, string>(tenant => RateLimitPartition.GetConcurrencyLimiter(tenant, _ => new ConcurrencyLimiterOptions
        {
            PermitLimit = _settings.MaxConcurrentPerTenant, QueueLimit = _settings.MaxWaitingPerTenant, QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        }));
        _server = new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = _settings.MaxConcurrent, QueueLimit = int.MaxValue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });
    }

    /// <summary>Counts a request against the rates of its caller's tenant and key.</summary>
    /// <exception cref="ProblemException">429: there were too many.</exception>
    public void CountRequest(HttpContext context, Caller caller)
    {
        if (caller.IsOperator)
        {
            return;
        }

        var headers = LimitHeaders.Of(context);
        foreach (var bucket in Buckets(caller))
        {
            using var lease = _rates.AttemptAcquire(bucket);
            var left = _rates.GetStatistics(bucket)?.CurrentAvailablePermits ?? 0;
            headers.Set(bucket.Policy, bucket.Size, bucket.Window, left, bucket.Window);
            if (!lease.IsAcquired)
            {
                var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : bucket.Period;
                throw TooMany(ProblemCodes.RateLimited, "Too many requests a second.", wait);
            }
        }
    }

    /// <summary>Answers a query when its turn has come, within its time.</summary>
    /// <exception cref="ProblemException">429: the tenant's day is used up, or too many of its queries wait; 504: the time is over.</exception>
    /// <exception cref="Gold.GoldStoreException">The day's queries cannot be counted.</exception>
    public async Task RunQueryAsync(HttpContext context, Caller caller, Func<Task> answer)
    {
        if (!caller.IsOperator && caller.Tenant is { } counted && _models.Current.Tenants.GetValueOrDefault(counted)?.DailyQueries is { } limit)
        {
            var day = await _quota.TakeAsync(counted, limit, context.RequestAborted);
            var rest = day.ResetsAt - _clock.GetUtcNow();
            LimitHeaders.Of(context).Set(DayPolicy, limit, TimeSpan.FromDays(1), day.Remaining, rest);
            if (!day.IsAllowed)
            {
                throw TooMany(ProblemCodes.QuotaExceeded, "The day's queries are used up; the next day begins at midnight UTC.", rest);
            }
        }

        var before = context.RequestAborted;
        using var time = new CancellationTokenSource(_settings.QueryTimeout, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(before, time.Token);
        context.RequestAborted = both.Token;
        try
        {
            using var place = await _places.AcquireAsync(caller.Tenant ?? "", cancellationToken: both.Token);
            if (!place.IsAcquired)
            {
                throw TooMany(ProblemCodes.TooManyQueries, "Too many queries wait already.", TimeSpan.FromSeconds(1));
            }

            using var turn = await _server.AcquireAsync(cancellationToken: both.Token);
            QueryPlace.Take(() =>
            {
                turn.Dispose();
                place.Dispose();
            });
            await answer();
        }
        catch (Exception exception) when (time.IsCancellationRequested && !before.IsCancellationRequested && exception is not ProblemException)
        {
            throw new ProblemException(new Problem(504, ProblemCodes.QueryTimeout, string.Create(CultureInfo.InvariantCulture, $"The query took more than {_settings.QueryTimeout.TotalSeconds:0.###} seconds.")));
        }
        finally
        {
            context.RequestAborted = before;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _rates.DisposeAsync();
        await _places.DisposeAsync();
        await _server.DisposeAsync();
    }

    private IEnumerable<Bucket> Buckets(Caller caller)
    {
        if (caller.Tenant is { } tenant && _models.Current.Tenants.GetValueOrDefault(tenant)?.RatePerSecond is { } rate)
        {
            yield return new Bucket(TenantPolicy, tenant, rate);
        }

        if (_settings.KeyRatePerSecond > 0)
        {
            yield return new Bucket(KeyPolicy, $"{caller.Tenant}\n{caller.KeyId}\n{(caller.KeyId is null ? caller.Name : "")}", _settings.KeyRatePerSecond);
        }
    }

    private static ProblemException TooMany(string code, string detail, TimeSpan wait) => new(new Problem(429, code, detail)
    {
        Headers = [("Retry-After", Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture))],
    });

    /// <summary>A token bucket of a rate: one second's requests, at least one.</summary>
    private readonly record struct Bucket(string Policy, string Owner, double PerSecond)
    {
        /// <summary>How often tokens come: so many a time that they are whole, at most ten times a second.</summary>
        public TimeSpan Period => TimeSpan.FromSeconds(Tokens / PerSecond);

        public int Size => Math.Max(1, (int)Math.Ceiling(PerSecond));

        /// <summary>How long an empty bucket takes to be full.</summary>
        public TimeSpan Window => TimeSpan.FromSeconds(Size / PerSecond);

        private int Tokens => Math.Max(1, (int)Math.Round(PerSecond / 10));

        public TokenBucketRateLimiterOptions ToOptions() => new() { TokenLimit = Size, TokensPerPeriod = Tokens, ReplenishmentPeriod = Period, QueueLimit = 0, AutoReplenishment = true };
    }
}
