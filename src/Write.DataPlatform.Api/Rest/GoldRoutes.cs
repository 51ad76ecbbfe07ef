using System.Globalization;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Gold tables, for operators: what is stored, how fresh, and a refresh by hand.</summary>
internal static class GoldRoutes
{
    private static readonly string[] RefreshParameters = ["from", "to", "full"];

    public static void MapGold(this RouteGroupBuilder v1)
    {
        var gold = v1.MapGroup("/gold").WithMetadata(new AccessMetadata(Access.Operator));
        gold.MapGet("/", async (HttpContext context, GoldStatus status, ModelStore models) =>
        {
            var statuses = await status.OfTenantsAsync(models.Current, null, context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, new { tables = statuses.Select(Describe) });
        });
        gold.MapGet("/{table}", async (HttpContext context, string table, GoldStatus status, ModelStore models) =>
        {
            Find(models.Current, table);
            var statuses = await status.OfTenantsAsync(models.Current, table, context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, new { name = table, tables = statuses.Select(s => new { table = Describe(s), partitions = s.Manifest!.Partitions.Values.Select(Describe) }) });
        });
        gold.MapPost("/{table}/refresh", async (HttpContext context, string table, RefreshService service, ModelStore models, AuditLog audit) =>
        {
            Find(models.Current, table);
            var range = Range(context);
            await audit.AddAsync(CallerGate.Known(context), "gold.refresh", table, context.Request.QueryString.HasValue ? $"{range.From:yyyy-MM-dd} to {range.To:yyyy-MM-dd}{(range.Full ? ", in full" : "")}" : null, context.RequestAborted);
            var run = await service.StartAsync(table, range, context.RequestAborted);
            context.Response.Headers.Location = "/v1/runs/" + run.Id;
            await QueryRoutes.WriteJsonAsync(context, RunRoutes.Describe(run), StatusCodes.Status202Accepted);
        });
    }

    private static void Find(MetricModel model, string table)
    {
        if (!model.GoldTables.ContainsKey(table))
        {
            throw ProblemException.NotFound(ProblemCodes.UnknownTable, $"There is no gold table '{QueryForm.Short(table)}'.", Suggestion.For(table, model.GoldTables.Keys));
        }
    }

    private static RefreshRange Range(HttpContext context)
    {
        var form = new QueryForm();
        var given = QueryRoutes.Parameters(context).ToDictionary();
        foreach (var name in given.Keys.Except(RefreshParameters))
        {
            form.Report(QueryFormProblems.UnknownParameter, $"There is no parameter '{QueryForm.Short(name)}'.", QueryForm.Short(name), Suggestion.For(name, RefreshParameters) ?? "Known are from, to, full.");
        }

        DateOnly? Date(string name)
        {
            if (!given.TryGetValue(name, out var values))
            {
                return null;
            }

            if (values is [var text] && DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
            {
                return date;
            }

            form.Report(QueryFormProblems.BadTime, $"'{QueryForm.Short(string.Join(",", values))}' is no date.", name, "Write for example 2026-01-31.");
            return null;
        }

        var (from, to) = (Date("from"), Date("to"));
        if (from >= to)
        {
            form.Report(QueryProblems.EmptyTimeRange, "The range ends where or before it starts.", "to");
        }

        var full = given.GetValueOrDefault("full", []);
        if (full is not ([] or ["true"] or ["false"] or [""]))
        {
            form.Report(QueryFormProblems.WrongType, "'full' is true or false.", "full");
        }

        form.ThrowIfAny();
        return new RefreshRange(from, to, full is ["true"] or [""]);
    }

    private static object Describe(GoldTableStatus status) => new
    {
        name = status.Table.Name,
        tenant = status.Tenant,
        description = status.Table.Description,
        audience = status.Table.Audience,
        metrics = status.Table.Metrics,
        groupBy = status.Table.GroupBy.Select(g => g.ToString()),
        grain = status.Table.Grain,
        partition = status.Table.Partition,
        revision = status.Manifest!.Revision,
        partitionCount = status.Manifest!.Partitions.Count,
        rows = status.Manifest!.Partitions.Values.Sum(p => p.Rows),
        bytes = status.Manifest!.Partitions.Values.Sum(p => p.Bytes),
        watermark = status.Watermark,
        freshness = new
        {
            objectiveSeconds = status.Table.Freshness?.TotalSeconds,
            refreshedAt = status.RefreshedAt,
            ageSeconds = status.Age?.TotalSeconds,
            isLate = status.IsLate,
        },
    };

    private static object Describe(GoldPartition partition) => new
    {
        period = partition.Period,
        from = partition.From,
        to = partition.To,
        version = partition.Version,
        definitionHash = partition.DefinitionHash,
        rows = partition.Rows,
        bytes = partition.Bytes,
        segments = partition.Segments.Length,
        checksum = partition.Checksum,
        watermark = partition.Watermark,
        refreshedAt = partition.RefreshedAt,
        runId = partition.RunId,
        sourceQueryId = partition.SourceQueryId,
    };
}
