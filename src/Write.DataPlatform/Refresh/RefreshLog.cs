using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Refresh;

/// <summary>The slice's log messages.</summary>
internal static partial class RefreshLog
{
    [LoggerMessage(400, LogLevel.Information, "Refresh {RunId} of {Table} ({Trigger}): {Stale} of {Periods} partitions")]
    public static partial void Planned(ILogger logger, string runId, string table, RunTrigger trigger, int stale, int periods);

    [LoggerMessage(401, LogLevel.Debug, "{Table} {Period} is as it should be")]
    public static partial void PartitionDoneElsewhere(ILogger logger, string table, string period);

    [LoggerMessage(402, LogLevel.Information, "{Table} {Period} refreshed ({Reason}): {Rows} rows, {Bytes} bytes")]
    public static partial void PartitionRefreshed(ILogger logger, string table, string period, RefreshReason reason, long rows, long bytes);

    [LoggerMessage(403, LogLevel.Warning, "{Table} {Period}, attempt {Attempt}, next in {Delay}")]
    public static partial void Retried(ILogger logger, Exception? exception, string table, string period, int attempt, TimeSpan delay);

    [LoggerMessage(404, LogLevel.Error, "{Table} {Period} could not be refreshed")]
    public static partial void PartitionFailed(ILogger logger, Exception exception, string table, string period);

    [LoggerMessage(405, LogLevel.Information, "Refresh {RunId} of {Table} {State}: {Done} partitions, {Rows} rows")]
    public static partial void Finished(ILogger logger, string runId, string table, RunState state, int done, long rows);

    [LoggerMessage(406, LogLevel.Error, "Refresh {RunId} of {Table} failed: {Error}")]
    public static partial void Failed(ILogger logger, string runId, string table, string? error);

    [LoggerMessage(407, LogLevel.Warning, "Refresh {RunId} of {Table} was interrupted, for its worker is gone")]
    public static partial void FoundInterrupted(ILogger logger, string runId, string table);

    [LoggerMessage(408, LogLevel.Error, "The refresh of {Table} could not begin")]
    public static partial void RunNotStarted(ILogger logger, Exception exception, string table);

    [LoggerMessage(409, LogLevel.Error, "The refresh scheduler stumbled and goes on")]
    public static partial void SchedulerFailed(ILogger logger, Exception exception);

    [LoggerMessage(410, LogLevel.Warning, "Gold table {Table} of tenant {Tenant} is in no model any more and was dropped")]
    public static partial void Dropped(ILogger logger, string table, string? tenant);

    [LoggerMessage(411, LogLevel.Warning, "{Table}: old segments could not be removed; the next run tries again")]
    public static partial void GarbageKept(ILogger logger, Exception exception, string table);

    [LoggerMessage(413, LogLevel.Information, "Refresh {RunId} of {Table} used {ReadUnits} read units and {WriteUnits} write units of the gold store in {Requests} requests")]
    public static partial void Used(ILogger logger, string runId, string table, double readUnits, double writeUnits, long requests);

    [LoggerMessage(412, LogLevel.Warning, "Refresh {RunId}: the ledger could not be written")]
    public static partial void LedgerFailed(ILogger logger, Exception exception, string runId);
}
