using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Polly;
using Write.DataPlatform.Lake.Athena.Client;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>Runs statements to their end: waits in line, starts each once, asks how it is doing, and stops what nobody waits for any more.</summary>
internal sealed partial class AthenaQueries : IAsyncDisposable
{
    private const int MaxStatementBytes = 262_144;

    private const int MaxStarts = 4;

    private static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestQueueWait = TimeSpan.FromSeconds(20);

    private readonly AthenaOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _slots;
    private readonly ScanBudget _budget;
    private readonly HashSet<Task> _stopping = [];

    public AthenaQueries(IAmazonAthena client, AthenaOptions options, TimeProvider time, ILogger? logger = null)
    {
        Client = client;
        _logger = logger ?? NullLogger.Instance;
        _options = options;
        _time = time;
        _slots = new SemaphoreSlim(options.MaxQueries);
        _budget = new ScanBudget(options.MaxBytesScannedPerDay, options.MaxBytesScannedPerTenantPerDay, time);
        Retries = AthenaRetries.Create(time);
    }

    public IAmazonAthena Client { get; }

    /// <summary>For what may be asked twice.</summary>
    public ResiliencePipeline Retries { get; }

    /// <summary>The finished query of a statement without placeholders.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="timeout">How long it may wait and run.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="LakeException">Athena could not answer.</exception>
    public Task<QueryExecution> RunAsync(string sql, TimeSpan timeout, CancellationToken cancellationToken = default) => RunAsync(sql, timeout, null, mayReuse: false, cancellationToken);

    /// <summary>The finished query of a statement without placeholders.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="timeout">How long it may wait and run.</param>
    /// <param name="tenant">On whose behalf; null for the company's own.</param>
    /// <param name="mayReuse">Whether an earlier result does that is not older than the settings allow.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="LakeException">Athena could not answer, or the day's bytes are used up.</exception>
    public async Task<QueryExecution> RunAsync(string sql, TimeSpan timeout, string? tenant, bool mayReuse, CancellationToken cancellationToken = default)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(sql) > MaxStatementBytes)
        {
            throw new LakeException($"The statement is longer than the {MaxStatementBytes} bytes that Athena takes; ask for fewer values.", isTransient: false);
        }

        using var clock = new CancellationTokenSource(timeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, clock.Token);
        try
        {
            await _slots.WaitAsync(linked.Token);
            var slot = new Slot(_slots);
            try
            {
                _budget.Check(tenant);
                var id = await StartAsync(sql, mayReuse, slot, linked.Token);
                return await FollowAsync(id, slot, tenant, linked.Token);
            }
            finally
            {
                slot.Leave();
            }
        }
        catch (Exception exception)
        {
            throw cancellationToken.IsCancellationRequested ? new OperationCanceledException(exception.Message, exception, cancellationToken)
                : clock.IsCancellationRequested && exception is OperationCanceledException
                    ? new LakeException($"The Athena query took longer than {timeout} and was stopped.", isTransient: false, exception)
                    : AthenaErrors.From(exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] stopping;
        lock (_stopping)
        {
            stopping = [.. _stopping];
        }

        await ((Task)Task.WhenAll(stopping)).WaitAsync(LongestStop, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<string> StartAsync(string sql, bool mayReuse, Slot slot, CancellationToken cancellationToken)
    {
        var request = new StartQueryExecutionRequest
        {
            QueryString = sql,
            ClientRequestToken = Guid.NewGuid().ToString("N"), // the same for every try, so that an answer that got lost starts no second query
            WorkGroup = _options.Workgroup,
            QueryExecutionContext = new QueryExecutionContext { Catalog = _options.Catalog, Database = _options.Database },
            ResultConfiguration = _options.OutputLocation.Length == 0 ? null : new ResultConfiguration { OutputLocation = _options.OutputLocation },
            ResultReuseConfiguration = !mayReuse || _options.ResultReuse == TimeSpan.Zero
                ? null
                : new ResultReuseConfiguration { ResultReuseByAgeConfiguration = new ResultReuseByAgeConfiguration { Enabled = true, MaxAgeInMinutes = (int)_options.ResultReuse.TotalMinutes } },
        };
        var failures = 0;
        for (var wait = TimeSpan.FromMilliseconds(500); ; wait = Longer(wait, LongestQueueWait))
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Not the caller's token: a start whose answer nobody hears would run on.
            var start = Client.StartQueryExecutionAsync(request, CancellationToken.None);
            try
            {
                return (await start.WaitAsync(cancellationToken)).QueryExecutionId ?? throw new LakeException("Athena started a query without an id.", isTransient: true);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await StopAsync(start, slot, tenant: null, counted: null);
                throw;
            }
            catch (Exception exception) when (AthenaErrors.IsThrottled(exception) || (AthenaErrors.IsTransient(exception) && ++failures < MaxStarts))
            {
                // In line as long as the statement may take; a lost answer is asked for again by the same token, which gives the id of what it started.
                await DelayAsync(wait, cancellationToken);
            }
        }
    }

    private async Task<QueryExecution> FollowAsync(string id, Slot slot, string? tenant, CancellationToken cancellationToken)
    {
        var (isOver, scanned) = (false, 0L);
        try
        {
            for (var wait = _options.PollFrom; ; wait = Longer(wait, _options.PollTo))
            {
                var query = await Retries.ExecuteAsync(
                    async token => (await Client.GetQueryExecutionAsync(new GetQueryExecutionRequest { QueryExecutionId = id }, token)).QueryExecution, cancellationToken);
                if (query?.Status?.State is not { } state)
                {
                    throw new LakeException($"Athena does not say how the query {id} is doing.", isTransient: true);
                }

                scanned = Scanned(query);
                if (state is "SUCCEEDED" or "FAILED" or "CANCELLED")
                {
                    _budget.Add(scanned, tenant);
                    isOver = true;
                    return state == "SUCCEEDED" ? query : throw AthenaErrors.From(query);
                }

                if (_options.MaxBytesScannedPerQuery > 0 && scanned > _options.MaxBytesScannedPerQuery)
                {
                    throw new LakeException(
                        $"Athena query {id} had read {scanned} bytes and was stopped: a query may read {_options.MaxBytesScannedPerQuery} (DataPlatform:Lake:Athena:MaxBytesScannedPerQuery). Ask for a shorter range.",
                        isTransient: false);
                }

                // QUEUED and RUNNING, which may change back and forth, and whatever state there will be.
                await DelayAsync(wait, cancellationToken);
            }
        }
        catch (Exception) when (!isOver)
        {
            // What was read until then is paid for, whoever stopped it.
            _budget.Add(scanned, tenant);
            await StopAsync(Task.FromResult(new StartQueryExecutionResponse { QueryExecutionId = id }), slot, tenant, scanned);
            throw;
        }
    }

    /// <summary>Bytes that a query has read so far; none if it gave an earlier result.</summary>
    public static long Scanned(QueryExecution query) =>
        query.Statistics?.ResultReuseInformation?.ReusedPreviousResult == true ? 0 : query.Statistics?.DataScannedInBytes ?? 0;

    /// <summary>Stops a query, waiting a little for it; then that goes on without the caller, and the slot is free once it is done.</summary>
    private async Task StopAsync(Task<StartQueryExecutionResponse> start, Slot slot, string? tenant, long? counted)
    {
        slot.Hold();
        var stop = StopWhenStartedAsync(start, slot, tenant, counted);
        lock (_stopping)
        {
            _stopping.Add(stop);
        }

        await stop.WaitAsync(LongestStop, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stop.IsCompleted)
        {
            Forget(stop);
        }
        else
        {
            _ = stop.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private void Forget(Task stop)
    {
        lock (_stopping)
        {
            _stopping.Remove(stop);
        }
    }

    private async Task StopWhenStartedAsync(Task<StartQueryExecutionResponse> start, Slot slot, string? tenant, long? counted)
    {
        try
        {
            if ((await start).QueryExecutionId is { } id)
            {
                await Client.StopQueryExecutionAsync(new StopQueryExecutionRequest { QueryExecutionId = id }, CancellationToken.None);
                if (counted is { } known && (await Client.GetQueryExecutionAsync(new GetQueryExecutionRequest { QueryExecutionId = id }, CancellationToken.None)).QueryExecution is { } stopped)
                {
                    _budget.Add(Math.Max(0, Scanned(stopped) - known), tenant);
                }
            }
        }
        catch (Exception exception)
        {
            // It was not started, or cannot be stopped: the workgroup's limits end it.
            LogNotStopped(_logger, AthenaErrors.From(exception).Message);
        }
        finally
        {
            slot.Leave();
        }
    }

    private Task DelayAsync(TimeSpan wait, CancellationToken cancellationToken) =>
        Task.Delay(wait * (0.8 + (0.4 * Random.Shared.NextDouble())), _time, cancellationToken);

    private static TimeSpan Longer(TimeSpan wait, TimeSpan longest) => wait * 1.5 < longest ? wait * 1.5 : longest;

    [LoggerMessage(3201, LogLevel.Warning, "An Athena query that nobody waits for could not be stopped and runs on: {Reason}")]
    private static partial void LogNotStopped(ILogger logger, string reason);

    /// <summary>A place in line, which its caller and a stop that goes on hold together.</summary>
    private sealed class Slot(SemaphoreSlim slots)
    {
        private int _holders = 1;

        public void Hold() => Interlocked.Increment(ref _holders);

        public void Leave()
        {
            if (Interlocked.Decrement(ref _holders) == 0)
            {
                slots.Release();
            }
        }
    }
}
