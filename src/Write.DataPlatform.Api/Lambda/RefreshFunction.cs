using System.Text.Json;
using Cronos;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>
/// What the worker does all the time, done once, at the tick of a schedule: refreshes the gold tables that are due since their last run, or those that are named, reads what the
/// streams have, and looks after the border between both.
/// </summary>
/// <remarks>
/// The payload is EventBridge's of a schedule, or <c>{ "refresh": [] }</c> for what is due, or <c>{ "refresh": ["visits_daily"] }</c> for tables whether due or not.
/// A refresh that does not end in time is gone on with at the next tick: what it finished stays.
/// </remarks>
internal sealed class RefreshFunction(
    ModelStore models,
    RefreshService refreshes,
    RunLedger ledger,
    TailKeeper tails,
    IEnumerable<IStreamConsumers> consumers,
    StreamPass pass,
    IOptions<StreamOptions> streams,
    IOptions<BatchOptions> batches,
    TimeProvider clock,
    ILogger<RefreshFunction> logger) : ILambdaFunction
{
    private const string Tables = "refresh";

    public bool Takes(JsonElement payload) =>
        payload.ValueKind == JsonValueKind.Object
        && (payload.TryGetProperty(Tables, out _)
            || (payload.TryGetProperty("source", out var source) && (source.ValueEquals("aws.events") || source.ValueEquals("aws.scheduler")) && payload.TryGetProperty("detail-type", out _)));

    /// <exception cref="RefreshException">A table is not there, or runs failed: Lambda counts an error, which an alarm can watch.</exception>
    public async Task<ReadOnlyMemory<byte>> RunAsync(JsonElement payload, CancellationToken deadline)
    {
        var named = Named(payload);
        var runs = new List<RefreshRun>();
        foreach (var table in named.Count > 0 ? named : [.. models.Current.GoldTables.Keys])
        {
            if (named.Count == 0 && await DueAsync(table, deadline) is false)
            {
                LambdaLog.NotDue(logger, table);
                continue;
            }

            deadline.ThrowIfCancellationRequested();
            runs.Add(await refreshes.RunAsync(table, new RefreshRange(), named.Count == 0 ? RunTrigger.Schedule : RunTrigger.Manual, null, deadline));
        }

        if (streams.Value.Kind != StreamKind.None)
        {
            foreach (var consumer in consumers.SelectMany(c => c.Current))
            {
                // A little longer than a stream must be quiet for its windows to be closed by the clock.
                await pass.RunAllAsync(consumer, batches.Value.IdleAfter + TimeSpan.FromSeconds(1), deadline);
            }
        }

        await tails.LookAsync(deadline);
        await refreshes.WaitAsync(deadline);
        await refreshes.DropForgottenAsync(deadline);
        return runs.Find(r => r.State == RunState.Failed) is { } failed
            ? throw new RefreshException($"The run {failed.Id} of {failed.Table} failed: {failed.Error}")
            : JsonSerializer.SerializeToUtf8Bytes(new { runs = runs.Select(RunRoutes.Describe) }, AnswerJson.Options);
    }

    private static List<string> Named(JsonElement payload)
    {
        if (!payload.TryGetProperty(Tables, out var tables))
        {
            return [];
        }

        return tables.ValueKind == JsonValueKind.Array && tables.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String)
            ? [.. tables.EnumerateArray().Select(t => t.GetString()!)]
            : throw new FormatException($"'{Tables}' must be a list of gold tables.");
    }

    /// <summary>Whether a tick of the table's schedule has come since its last run began, or that run did not end well, or there was none.</summary>
    private async Task<bool> DueAsync(string name, CancellationToken cancellationToken)
    {
        if (models.Current.GoldTables[name].Refresh is not { Cron.Length: > 0 } policy)
        {
            return false;
        }

        await foreach (var last in ledger.ListAsync(name, 1, cancellationToken))
        {
            var fields = policy.Cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
            var cron = CronExpression.Parse(policy.Cron, fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
            return last.State != RunState.Succeeded || cron.GetNextOccurrence(last.StartedAt, policy.TimeZone) <= clock.GetUtcNow();
        }

        return true;
    }
}
