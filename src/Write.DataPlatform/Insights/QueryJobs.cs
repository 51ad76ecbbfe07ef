using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Insights;

/// <summary>Where a job is.</summary>
internal enum QueryJobState
{
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// <summary>A query that is answered whether or not somebody waits for it.</summary>
internal sealed class QueryJob
{
    private readonly CancellationTokenSource _end;

    internal QueryJob(string id, Caller owner, PlannedQuery planned, DateTimeOffset startedAt, CancellationTokenSource end) =>
        (Id, Owner, Planned, StartedAt, _end) = (id, owner, planned, startedAt, end);

    public string Id { get; }

    public Caller Owner { get; }

    public PlannedQuery Planned { get; }

    /// <summary>Turns what is said about the query into what its caller knows; null to leave it.</summary>
    public Func<QueryException, QueryException>? Translate { get; internal init; }

    public DateTimeOffset StartedAt { get; }

    /// <summary>When it ended; null while it runs.</summary>
    public DateTimeOffset? EndedAt { get; internal set; }

    /// <summary>Ends with the answer, or as the query failed.</summary>
    public Task<MetricAnswer> Answer { get; internal set; } = null!;

    public bool IsCancelled { get; private set; }

    public QueryJobState State => Answer switch
    {
        { IsCompletedSuccessfully: true } => QueryJobState.Succeeded,
        _ when IsCancelled => QueryJobState.Cancelled,
        { IsCompleted: true } => QueryJobState.Failed,
        _ => QueryJobState.Running,
    };

    internal long Values => Answer is { IsCompletedSuccessfully: true, Result: var answer } ? answer.Rows.Count * (long)answer.Columns.Length : 0;

    internal void Cancel()
    {
        IsCancelled = true;
        try
        {
            _end.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself.
        }
    }
}

/// <summary>Why a job is not there.</summary>
internal enum MissingJob
{
    /// <summary>There is none of that name for this caller, or not any more.</summary>
    Unknown,

    /// <summary>It was of a process that has ended, or is of another one.</summary>
    OtherProcess,
}

/// <summary>More jobs run than may.</summary>
internal sealed class TooManyJobsException(string message) : Exception(message);

/// <summary>A job ran longer than it may.</summary>
internal sealed class JobTimeoutException(string message) : Exception(message);

/// <summary>
/// The slow queries of this process that go on without their callers. They are bounded in number, time and memory. Jobs end with the process; their names say
/// which process made them, so that another one can tell a lost job from one that never was.
/// </summary>
internal sealed class QueryJobs(MetricQueryService service, IOptions<AnswerOptions> options, TimeProvider clock) : IAsyncDisposable
{
    private const int ProcessBytes = 4;
    private const int NameBytes = 16;
    private const int NameLength = 2 * (ProcessBytes + NameBytes);

    private const int MaxKept = 2_000;
    private const int MaxKeptPerCaller = 100;

    private readonly string _process = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(ProcessBytes));
    private readonly ConcurrentDictionary<string, QueryJob> _jobs = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private bool _isStopping;

    /// <summary>Whether there are jobs: where a process does not go on without requests there are none, and who asks waits.</summary>
    public bool AreKept => options.Value.MaxJobs > 0;

    /// <summary>Begins a job.</summary>
    /// <param name="planned">The query.</param>
    /// <param name="translate">Turns what is said about the query into what its caller knows; null to leave it.</param>
    /// <exception cref="TooManyJobsException">The caller, or all of them, have as many running as may be.</exception>
    public QueryJob Start(PlannedQuery planned, Func<QueryException, QueryException>? translate = null)
    {
        var settings = options.Value;
        lock (_gate)
        {
            Sweep();
            ObjectDisposedException.ThrowIf(_isStopping, this);
            var running = _jobs.Values.Where(j => j.State == QueryJobState.Running).ToList();
            if (running.Count(j => IsOf(j, planned.Caller)) >= settings.MaxJobsPerCaller)
            {
                throw new TooManyJobsException($"{settings.MaxJobsPerCaller} of your queries run already. Wait for one, or cancel one.");
            }

            if (planned.Caller.Tenant is { } tenant && running.Count(j => j.Owner.Tenant == tenant) >= (settings.MaxJobs + 1) / 2)
            {
                throw new TooManyJobsException("As many of the tenant's queries as may run at once do already: half of all.");
            }

            if (running.Count >= settings.MaxJobs)
            {
                throw new TooManyJobsException("As many queries as may run at once do already.");
            }

            var end = new CancellationTokenSource(settings.JobTimeout, clock);
            var id = _process + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NameBytes));
            var job = new QueryJob(id, planned.Caller, planned, clock.GetUtcNow(), end) { Translate = translate };
            job.Answer = RunAsync(job, end);
            // Whether anybody comes to see how it failed is not known.
            _ = job.Answer.ContinueWith(
                t =>
                {
                    _ = t.Exception;
                    lock (_gate)
                    {
                        Sweep();
                    }
                },
                CancellationToken.None,
                TaskContinuationOptions.None,
                TaskScheduler.Default);
            _jobs[id] = job;
            return job;
        }
    }

    /// <summary>A job that the caller may see: its own, and for an operator all.</summary>
    public QueryJob? Find(string id, Caller caller, out MissingJob why)
    {
        lock (_gate)
        {
            Sweep();
        }

        why = id.Length == NameLength && id.All(char.IsAsciiHexDigitLower) && !id.StartsWith(_process, StringComparison.Ordinal) ? MissingJob.OtherProcess : MissingJob.Unknown;
        return _jobs.TryGetValue(id, out var job) && (caller.IsOperator || IsOf(job, caller)) ? job : null;
    }

    /// <summary>The jobs that the caller may see, newest first.</summary>
    public IReadOnlyList<QueryJob> List(Caller caller)
    {
        lock (_gate)
        {
            Sweep();
        }

        return [.. _jobs.Values.Where(j => caller.IsOperator || IsOf(j, caller)).OrderByDescending(j => j.StartedAt).ThenBy(j => j.Id, StringComparer.Ordinal)];
    }

    /// <summary>Stops a job, down to the engine that runs its statement, and forgets it.</summary>
    public void Remove(QueryJob job)
    {
        job.Cancel();
        _jobs.TryRemove(job.Id, out _);
    }

    /// <summary>Stops all jobs and waits until their engines have let go.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isStopping = true;
        }

        foreach (var job in _jobs.Values)
        {
            job.Cancel();
            await ((Task)job.Answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<MetricAnswer> RunAsync(QueryJob job, CancellationTokenSource end)
    {
        // Off the caller's thread: whoever starts it gets it at once.
        await Task.Yield();
        Telemetry.Jobs.Add(1);
        try
        {
            var answer = await service.AnswerAsync(job.Planned, end.Token);
            return answer.Rows.Count * (long)answer.Columns.Length <= ShareOf(job.Owner)
                ? answer
                : throw new QueryException(
                    [new QueryProblem(QueryProblems.AnswerTooLarge, $"The answer has {answer.Rows.Count} rows of {answer.Columns.Length} columns; {ShareOf(job.Owner)} values are kept for a job.", "limit", "Ask for fewer rows with limit, or without respond-async.")],
                    isUnanswerable: true);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested && !job.IsCancelled)
        {
            throw new JobTimeoutException($"The query ran longer than {options.Value.JobTimeout:c}, which is the most that a job may.");
        }
        finally
        {
            job.EndedAt = clock.GetUtcNow();
            end.Dispose();
            Telemetry.Jobs.Add(-1);
        }
    }

    /// <summary>How many values may be kept for one who owns a job: a tenant has half of all, so that there is something for others.</summary>
    private long ShareOf(Caller owner) => owner.Tenant is null ? options.Value.MaxJobValues : options.Value.MaxJobValues / 2;

    /// <summary>Forgets what was kept long enough, and the oldest of what is too much: of all, of a tenant's, and of one caller's. A job counts as some values even if its answer has none.</summary>
    private void Sweep()
    {
        var now = clock.GetUtcNow();
        var (all, tenants, owners) = (0L, new Dictionary<string, long>(StringComparer.Ordinal), new Dictionary<object, int>());
        foreach (var job in _jobs.Values.Where(j => j.EndedAt is not null).OrderByDescending(j => j.EndedAt))
        {
            var (tenant, owner, values) = (job.Owner.Tenant ?? "", Owner(job.Owner), Math.Max(job.Values, Math.Max(1, options.Value.MaxJobValues / MaxKept)));
            var (ofTenant, ofOwner) = (tenants.GetValueOrDefault(tenant) + values, owners.GetValueOrDefault(owner) + 1);
            if (now - job.EndedAt > options.Value.JobRetention || all + values > options.Value.MaxJobValues || ofTenant > ShareOf(job.Owner) || ofOwner > MaxKeptPerCaller)
            {
                _jobs.TryRemove(job.Id, out _);
                continue;
            }

            (all, tenants[tenant], owners[owner]) = (all + values, ofTenant, ofOwner);
        }
    }

    /// <summary>Whether a job is the caller's: two keys of one tenant need not see the same.</summary>
    private static bool IsOf(QueryJob job, Caller caller) => Owner(job.Owner) == Owner(caller);

    private static (string?, bool, string?, string?, string, object?) Owner(Caller caller) =>
        (caller.Tenant, caller.IsOperator, caller.Role, caller.KeyId, caller.Name, caller.Claims.TryGetValue("iss", out var issuer) ? issuer.FirstOrDefault() : null);
}
