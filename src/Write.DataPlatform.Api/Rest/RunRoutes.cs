using System.Globalization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Refresh runs, for operators.</summary>
internal static class RunRoutes
{
    private const int DefaultRuns = 50;
    private const int MaxRuns = 1_000;

    public static void MapRuns(this RouteGroupBuilder v1)
    {
        var runs = v1.MapGroup("/runs").WithMetadata(new AccessMetadata(Access.Operator));
        runs.MapGet("/", async (HttpContext context, RunLedger ledger) =>
        {
            var limit = DefaultRuns;
            if (context.Request.Query.TryGetValue("limit", out var text) && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxRuns))
            {
                throw new QueryException([new QueryProblem(QueryFormProblems.OutOfRange, $"The limit is a whole number from 1 to {MaxRuns}.", "limit")]);
            }

            var table = context.Request.Query["table"].FirstOrDefault();
            var found = await ledger.ListAsync(table, limit, context.RequestAborted).Select(Describe).ToListAsync(context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, new { runs = found });
        });
        runs.MapGet("/{id}", async (HttpContext context, string id, RunLedger ledger) =>
        {
            var run = await ledger.GetAsync(id, context.RequestAborted) ?? throw Unknown(id);
            await QueryRoutes.WriteJsonAsync(context, new { run = Describe(run), partitions = run.Partitions, omittedPartitions = run.OmittedPartitions });
        });
        runs.MapPost("/{id}/cancel", async (HttpContext context, string id, RunLedger ledger, AuditLog audit) =>
        {
            await audit.AddAsync(CallerGate.Known(context), "run.cancel", QueryForm.Short(id), null, context.RequestAborted);
            var run = await ledger.RequestCancelAsync(id, context.RequestAborted) ?? throw Unknown(id);
            if (run.IsOver)
            {
                throw new ProblemException(new Problem(409, ProblemCodes.Conflict, $"The run is over: {run.State.ToString().ToLowerInvariant()}."));
            }

            await QueryRoutes.WriteJsonAsync(context, Describe(run), StatusCodes.Status202Accepted);
        });
    }

    public static object Describe(RefreshRun run) => new
    {
        id = run.Id,
        href = "/v1/runs/" + run.Id,
        table = run.Table,
        trigger = run.Trigger,
        state = run.State,
        cancelRequested = run.CancelRequested,
        from = run.RequestedFrom,
        to = run.RequestedTo,
        full = run.Full,
        total = run.Partitions.Length + run.OmittedPartitions,
        done = run.OmittedPartitions + run.Partitions.Count(p => p.State is RunPartitionState.Succeeded or RunPartitionState.Skipped),
        failed = run.Partitions.Count(p => p.State == RunPartitionState.Failed),
        rows = run.Partitions.Sum(p => p.Rows),
        bytes = run.Partitions.Sum(p => p.Bytes),
        bytesScanned = run.Partitions.Sum(p => p.BytesScanned),
        readUnits = run.ReadUnits,
        writeUnits = run.WriteUnits,
        attempts = run.Partitions.Sum(p => p.Attempts),
        startedAt = run.StartedAt,
        endedAt = run.EndedAt,
        errors = run.Partitions.Where(p => p.Error is not null && p.State == RunPartitionState.Failed).Select(p => $"{p.Period}: {p.Error}").Prepend(run.Error).Where(e => e is not null),
    };

    private static ProblemException Unknown(string id) => ProblemException.NotFound(ProblemCodes.UnknownRun, $"There is no run '{QueryForm.Short(id)}'; runs are forgotten after a time.", null);
}
