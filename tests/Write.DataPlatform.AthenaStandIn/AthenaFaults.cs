namespace Write.DataPlatform.AthenaStandIn;

/// <summary>What goes wrong next. Each fault is used up by the calls or queries that it meets.</summary>
public sealed class AthenaFaults
{
    private readonly Lock _lock = new();
    private readonly List<Call> _calls = [];
    private readonly Queue<QueryFault> _queries = [];

    /// <summary>How long a query is QUEUED; none at first.</summary>
    public TimeSpan QueueTime { get; set; }

    /// <summary>How long a query is RUNNING beside its work; none at first.</summary>
    public TimeSpan RunTime { get; set; }

    /// <summary>The next calls are refused with ThrottlingException.</summary>
    /// <param name="calls">How many.</param>
    /// <param name="operation">Of which operation; null for any.</param>
    public void Throttle(int calls, string? operation = null) => Add(calls, operation, new CallFault(400, "ThrottlingException", "Rate exceeded"));

    /// <summary>The next calls are refused as Athena refuses too many active queries.</summary>
    public void TooManyRequests(int calls, string? operation = "StartQueryExecution") => Add(
        calls, operation, new CallFault(400, "TooManyRequestsException", "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of concurrent queries submitted by this account."));

    /// <summary>The next calls fail with 500.</summary>
    public void Break(int calls, string? operation = null) => Add(calls, operation, new CallFault(500, "InternalServerException", "Internal service error"));

    /// <summary>The next calls are refused because the caller's token has expired.</summary>
    public void ExpireToken(int calls, string? operation = null) => Add(calls, operation, new CallFault(400, "ExpiredTokenException", "The security token included in the request is expired"));

    /// <summary>The next calls end with a reset connection, before or after the work is done.</summary>
    public void Reset(int calls, string? operation = null, bool afterWork = false) => Add(calls, operation, new CallFault(0, "", "") { IsReset = true, AfterWork = afterWork });

    /// <summary>The next calls are answered late.</summary>
    public void Delay(int calls, TimeSpan by, string? operation = null) => Add(calls, operation, new CallFault(0, "", "") { By = by });

    /// <summary>The next query fails after a while.</summary>
    /// <param name="after">How long it runs before.</param>
    /// <param name="message">The reason.</param>
    /// <param name="retryable">What AthenaError says of it.</param>
    public void FailQuery(TimeSpan after, string message, bool retryable) => Add(new QueryFault { After = after, Message = message, IsRetryable = retryable });

    /// <summary>The next query runs, is queued again, and runs.</summary>
    public void QueueAgain(TimeSpan each) => Add(new QueryFault { After = each, IsQueuedAgain = true });

    internal CallFault? TakeCall(string operation)
    {
        lock (_lock)
        {
            if (_calls.Find(c => c.Left > 0 && (c.Operation is null || c.Operation == operation)) is not { } call)
            {
                return null;
            }

            if (--call.Left == 0)
            {
                _calls.Remove(call);
            }

            return call.Fault;
        }
    }

    internal QueryFault? TakeQuery()
    {
        lock (_lock)
        {
            return _queries.TryDequeue(out var fault) ? fault : null;
        }
    }

    private void Add(int calls, string? operation, CallFault fault)
    {
        lock (_lock)
        {
            _calls.Add(new Call { Left = calls, Operation = operation, Fault = fault });
        }
    }

    private void Add(QueryFault fault)
    {
        lock (_lock)
        {
            _queries.Enqueue(fault);
        }
    }

    private sealed class Call
    {
        public required int Left { get; set; }

        public required string? Operation { get; init; }

        public required CallFault Fault { get; init; }
    }
}

internal sealed record CallFault(int Status, string Type, string Message)
{
    public bool IsReset { get; init; }

    public bool AfterWork { get; init; }

    public TimeSpan By { get; init; }
}

internal sealed record QueryFault
{
    public required TimeSpan After { get; init; }

    public string? Message { get; init; }

    public bool IsRetryable { get; init; }

    public bool IsQueuedAgain { get; init; }
}
