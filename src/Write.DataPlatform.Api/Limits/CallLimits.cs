using System.Globalization;
using System.Threading.RateLimiting;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Limits;

/// <summary>What a tenant has places for, until it is sent. Each kind has a line of its own.</summary>
internal enum Work
{
    /// <summary>A query, until the lake is needed.</summary>
    Query,

    /// <summary>A query that the lake answers.</summary>
    LakeQuery,

    /// <summary>A job's answer, which is written and sent.</summary>
    JobAnswer,

    /// <summary>A batch of requests, each of which is a query of its own.</summary>
    Batch,
}

/// <summary>
/// How much each caller may ask: requests a second, queries a day, queries at a time. A tenant's queries wait for the tenant's own places first and for the server's
/// then, so that however many it sends, no more than its places stand in the queue before another tenant's.
/// </summary>
internal sealed class CallLimits : IAsyncDisposable
{
    private const string TenantPolicy = "tenant";
    private const string KeyPolicy = "key";
    private const string DayPolicy = "day";

    private readonly ReloadedOptions<LimitOptions> _settings;
    private readonly DailyQuota _quota;
    private readonly ModelStore _models;
    private readonly TimeProvider _clock;
    private readonly PartitionedRateLimiter<Bucket> _rates;
    private readonly PartitionedRateLimiter<Line> _places;
    private readonly PartitionedRateLimiter<Line> _server;

    public CallLimits(ReloadedOptions<LimitOptions> settings, DailyQuota quota, ModelStore models, TimeProvider clock)
    {
        (_settings, _quota, _models, _clock) = (settings, quota, models, clock);
        // A model with another rate has other buckets, and other settings have other lines.
        _rates = PartitionedRateLimiter.Create<Bucket, Bucket>(bucket => RateLimitPartition.GetTokenBucketLimiter(bucket, static b => b.ToOptions()));
        _places = PartitionedRateLimiter.Create<Line, Line>(line => RateLimitPartition.GetConcurrencyLimiter(line, static l => l.ToOptions()));
        _server = PartitionedRateLimiter.Create<Line, Line>(line => RateLimitPartition.GetConcurrencyLimiter(line, static l => l.ToOptions()));
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

    /// <summary>Answers a query when its turn has come, within its time; one whose answer is known, at once.</summary>
    /// <param name="context">The request.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="answer">Answers it.</param>
    /// <param name="answerKnown">Answers it if that is no work, and says whether it did.</param>
    /// <exception cref="ProblemException">429: the tenant's day is used up, or too many of its queries wait; 504: the time is over.</exception>
    /// <exception cref="Gold.GoldStoreException">The day's queries cannot be counted.</exception>
    public async Task RunQueryAsync(HttpContext context, Caller caller, Func<Task> answer, Func<ValueTask<bool>>? answerKnown = null)
    {
        var limit = !caller.IsOperator && caller.Tenant is { } tenant ? _models.Current.Tenants.GetValueOrDefault(tenant)?.DailyQueries : null;
        if (limit is { } count)
        {
            var day = await _quota.TakeAsync(caller.Tenant!, count, context.RequestAborted);
            Tell(context, count, day);
            if (!day.IsAllowed)
            {
                throw TooMany(ProblemCodes.QuotaExceeded, "The day's queries are used up; the next day begins at midnight UTC.", day.ResetsAt - _clock.GetUtcNow());
            }
        }

        // Whoever had the answer has asked for nothing.
        async Task GiveBackAsync()
        {
            if (limit is { } given && context.Response is { StatusCode: StatusCodes.Status304NotModified, HasStarted: false })
            {
                Tell(context, given, await _quota.GiveBackAsync(caller.Tenant!, given));
            }
        }

        if (answerKnown is not null && await answerKnown())
        {
            await GiveBackAsync();
            return;
        }

        await InTimeAsync(context, async end =>
        {
            using var place = new Place(await TakeAsync(Work.Query, caller, end), token => TakeAsync(Work.LakeQuery, caller, token));
            place.OfServer = await _server.AcquireAsync(new Line(Work.Query, "", _settings.Value.MaxConcurrent, int.MaxValue), cancellationToken: end);
            QueryPlace.Take(place.Leave, place.LeaveForLakeAsync);
            await answer();
            await GiveBackAsync();
        });
    }

    /// <summary>Does something within the time of a query, after which the request counts as aborted.</summary>
    /// <exception cref="ProblemException">504: the time was over before an answer was begun; one that was is broken off.</exception>
    public async Task InTimeAsync(HttpContext context, Func<CancellationToken, Task> work)
    {
        var settings = _settings.Value;
        var before = context.RequestAborted;
        using var time = new CancellationTokenSource(settings.QueryTimeout, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(before, time.Token);
        context.RequestAborted = both.Token;
        try
        {
            await work(both.Token);
        }
        catch (Exception exception) when (time.IsCancellationRequested && !before.IsCancellationRequested && exception is not ProblemException)
        {
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }

            throw new ProblemException(new Problem(504, ProblemCodes.QueryTimeout, string.Create(CultureInfo.InvariantCulture, $"The query took more than {settings.QueryTimeout.TotalSeconds:0.###} seconds.")));
        }
        finally
        {
            context.RequestAborted = before;
        }
    }

    /// <summary>Waits for a place of the caller's tenant, which is kept until what it is for is sent.</summary>
    /// <exception cref="ProblemException">429: too many wait already.</exception>
    public async Task<IDisposable> TakeAsync(Work work, Caller caller, CancellationToken cancellationToken)
    {
        var settings = _settings.Value;
        var lease = await _places.AcquireAsync(new Line(work, caller.Tenant ?? "", settings.MaxConcurrentPerTenant, settings.MaxWaitingPerTenant), cancellationToken: cancellationToken);
        return lease.IsAcquired ? lease : throw TooMany(ProblemCodes.TooManyQueries, "Too many queries wait already.", TimeSpan.FromSeconds(1));
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

        if (_settings.Value.KeyRatePerSecond is > 0 and var ofKey)
        {
            yield return new Bucket(KeyPolicy, $"{caller.Tenant}\n{caller.KeyId}\n{(caller.KeyId is null ? caller.Name : "")}", ofKey);
        }
    }

    private void Tell(HttpContext context, int limit, QuotaState day) =>
        LimitHeaders.Of(context).Set(DayPolicy, limit, TimeSpan.FromDays(1), day.Remaining, day.ResetsAt - _clock.GetUtcNow());

    private static ProblemException TooMany(string code, string detail, TimeSpan wait) => new(new Problem(429, code, detail)
    {
        Headers = [("Retry-After", Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture))],
    });

    /// <summary>So many of somebody's at a time, and so many more that wait.</summary>
    private readonly record struct Line(Work Work, string Owner, int Places, int Waiting)
    {
        public ConcurrencyLimiterOptions ToOptions() => new() { PermitLimit = Places, QueueLimit = Waiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst };
    }

    /// <summary>A query's place, which is given up once: by whoever sends it to the lake, which may be on another thread, or at its end. A lease can be disposed twice at once.</summary>
    private sealed class Place(IDisposable own, Func<CancellationToken, Task<IDisposable>> takeOfLake) : IDisposable
    {
        private readonly Lock _gate = new();
        private int _isLeft;
        private int _isForLake;
        private bool _isOver;
        private IDisposable? _ofLake;

        public RateLimitLease? OfServer { get; set; }

        public void Leave()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
            {
                OfServer?.Dispose();
                own.Dispose();
            }
        }

        public async Task LeaveForLakeAsync(CancellationToken cancellationToken)
        {
            Leave();
            if (Interlocked.Exchange(ref _isForLake, 1) != 0)
            {
                return;
            }

            var taken = await takeOfLake(cancellationToken);
            lock (_gate)
            {
                if (!_isOver)
                {
                    _ofLake = taken;
                    return;
                }
            }

            // The request is over, and the query goes on as a job.
            taken.Dispose();
        }

        public void Dispose()
        {
            Leave();
            lock (_gate)
            {
                _isOver = true;
            }

            _ofLake?.Dispose();
        }
    }

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
