using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Health;

/// <summary>How well something is; the worst of its checks is a server's own.</summary>
internal enum HealthStatus
{
    Healthy,

    /// <summary>Works, not as well as it should.</summary>
    Degraded,

    /// <summary>Does not work.</summary>
    Unhealthy,
}

/// <summary>What one check found.</summary>
/// <param name="Name">The check.</param>
/// <param name="Status">How well.</param>
/// <param name="Description">Why, for operators.</param>
/// <param name="Data">Figures, for operators.</param>
internal sealed record HealthCheck(string Name, HealthStatus Status, string? Description, ImmutableSortedDictionary<string, object?> Data);

/// <summary>All checks.</summary>
internal sealed record HealthReport(TimeSpan Duration, ImmutableArray<HealthCheck> Checks)
{
    public HealthStatus Status => Checks.IsEmpty ? HealthStatus.Healthy : Checks.Max(c => c.Status);

    /// <summary>The same without the names of gold tables and of customers: those that are not the operator's see the worst of them as one.</summary>
    public HealthReport WithoutNames() => this with { Checks = [.. Checks.GroupBy(c => c.Name.StartsWith("gold:", StringComparison.Ordinal) ? "gold_tables" : c.Name).Select(g => g.MaxBy(c => c.Status)! with { Name = g.Key })] };
}

/// <summary>Looks after the model, the lake, the gold store, each gold table's freshness and the scheduler.</summary>
internal sealed class HealthReporter(
    ModelStore models, ILake lake, GoldStatus gold, IOptions<GoldOptions> goldOptions, StreamStatuses streams, AlertStatuses alerts, AlertSettings alertSettings, TimeProvider clock, IServiceProvider services, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SchedulerSilence = TimeSpan.FromMinutes(5);

    // Anybody may ask, so what was found is told again for a moment.
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Found? _needed;
    private Found? _others;
    private volatile bool _wasReady;

    /// <summary>Every check.</summary>
    public async Task<HealthReport> CheckAsync(CancellationToken cancellationToken = default)
    {
        var started = clock.GetTimestamp();
        var (needed, others) = (Recent(ref _needed, NeededAsync), Recent(ref _others, OthersAsync));
        var found = await Task.WhenAll(needed, others).WaitAsync(cancellationToken);
        return new HealthReport(clock.GetElapsedTime(started), [.. found.SelectMany(c => c).OrderBy(c => Order(c.Name)).ThenBy(c => c.Name, StringComparer.Ordinal)]);
    }

    /// <summary>What queries need. Once every scheduled gold table was built, one that a new model brings does not take the server away again.</summary>
    public async Task<HealthReport> CheckReadyAsync(CancellationToken cancellationToken = default)
    {
        var started = clock.GetTimestamp();
        var found = await Recent(ref _needed, NeededAsync).WaitAsync(cancellationToken);
        var checks = found.Where(c => c.Name is "model" or "gold").ToList();
        if (!_wasReady && checks.All(c => c.Status != HealthStatus.Unhealthy))
        {
            var missing = found.Where(c => c.Data.TryGetValue("isBuilt", out var built) && built is false).Select(c => c.Data["table"]).Distinct().ToList();
            _wasReady = missing.Count == 0;
            checks.Add(Check("gold_tables", _wasReady ? HealthStatus.Healthy : HealthStatus.Unhealthy, _wasReady ? null : $"Not built yet: {string.Join(", ", missing)}."));
        }

        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            checks.Add(Check("stopping", HealthStatus.Unhealthy, "The server was told to stop; it answers what reaches it until then."));
        }

        return new HealthReport(clock.GetElapsedTime(started), [.. checks]);
    }

    private Task<IReadOnlyList<HealthCheck>> Recent(ref Found? last, Func<MetricModel, Task<IReadOnlyList<HealthCheck>>> look)
    {
        lock (_gate)
        {
            var now = clock.GetUtcNow();
            if (last is null || now - last.At >= Remembered)
            {
                last = new Found(now, Task.Run(() => look(models.Current)));
            }

            return last.Checks;
        }
    }

    /// <summary>What queries need. The lake is not among it: a probe does not wait for one that hangs.</summary>
    private async Task<IReadOnlyList<HealthCheck>> NeededAsync(MetricModel model) => [Model(), .. await GoldAsync(model)];

    private async Task<IReadOnlyList<HealthCheck>> OthersAsync(MetricModel model) =>
        [Scheduler(model), .. (await Task.WhenAll(LakeAsync(model), StreamsAsync(model), AlertsAsync(model))).SelectMany(c => c)];

    private HealthCheck Model()
    {
        var status = models.Status;
        return Check(
            "model",
            status.Problems is null ? HealthStatus.Healthy : HealthStatus.Degraded,
            status.Problems is { } problems ? $"The changed files are refused for {problems.Length} problems; the last good model stays in use." : null,
            ("revision", status.Revision),
            ("loadedAt", status.LoadedAt),
            ("problems", status.Problems?.Select(p => $"{p.Position} {p.Code}: {p.Message} {p.Suggestion}".Trim()).ToArray()));
    }

    private async Task<IReadOnlyList<HealthCheck>> LakeAsync(MetricModel model)
    {
        using var patience = new CancellationTokenSource(Patience, clock);
        var tables = model.SemanticModels.Values.Select(s => s.Table).Distinct().ToList();
        try
        {
            var missing = new List<string>();
            foreach (var table in tables)
            {
                if (await lake.DescribeAsync(table, patience.Token) is null)
                {
                    missing.Add(table);
                }
            }

            // Gold answers go on without the lake, so it can only make the server worse, not unable.
            return [Check("lake", missing.Count == 0 ? HealthStatus.Healthy : HealthStatus.Degraded, missing.Count == 0 ? null : $"The lake has no table {string.Join(", ", missing)}.", ("tables", tables.Count))];
        }
        catch (LakeException exception)
        {
            return [Check("lake", HealthStatus.Degraded, exception.Message)];
        }
        catch (OperationCanceledException)
        {
            return [Check("lake", HealthStatus.Degraded, "The lake does not answer.")];
        }
    }

    private async Task<IReadOnlyList<HealthCheck>> GoldAsync(MetricModel model)
    {
        using var patience = new CancellationTokenSource(Patience, clock);
        try
        {
            var statuses = await gold.GetAsync(model, patience.Token);
            return [Gold(HealthStatus.Healthy, null, ("tables", statuses.Count)), .. statuses.Select(Freshness)];
        }
        catch (GoldStoreException exception)
        {
            return [Gold(HealthStatus.Unhealthy, exception.Message)];
        }
        catch (OperationCanceledException)
        {
            return [Gold(HealthStatus.Unhealthy, "The gold store does not answer.")];
        }
    }

    private async Task<IReadOnlyList<HealthCheck>> StreamsAsync(MetricModel model)
    {
        if (!streams.IsOn)
        {
            return [];
        }

        using var patience = new CancellationTokenSource(Patience, clock);
        try
        {
            return [.. (await streams.GetAsync(model, patience.Token)).Select(Stream)];
        }
        catch (Exception exception) when (exception is GoldStoreException or OperationCanceledException)
        {
            // Told by the check of the gold store.
            return [];
        }
    }

    /// <summary>That an alert fires is no illness of the server; that one is not looked at, cannot be evaluated or is not delivered is.</summary>
    private async Task<IReadOnlyList<HealthCheck>> AlertsAsync(MetricModel model)
    {
        var refused = alertSettings.Problem;
        if (model.Alerts.IsEmpty && model.Reports.IsEmpty && refused is null)
        {
            return [];
        }

        using var patience = new CancellationTokenSource(Patience, clock);
        try
        {
            var found = await alerts.GetAsync(model, patience.Token);
            var problems = (refused is null ? [] : new[] { refused }).Concat(found.SelectMany(r => r.Problems)).ToList();
            return [Check(
                "alerts",
                problems.Count == 0 ? HealthStatus.Healthy : HealthStatus.Degraded,
                problems.FirstOrDefault(),
                ("rules", found.Count),
                ("firing", found.Count(r => r.State.Status == AlertStatus.Firing)),
                ("waiting", found.Sum(r => r.State.Waiting.Length)),
                ("overdue", found.Count(r => r.OverdueSince is not null)),
                ("lastEvaluated", found.Max(r => r.State.DoneTo)))];
        }
        catch (Exception exception) when (exception is GoldStoreException or OperationCanceledException)
        {
            // Told by the check of the gold store.
            return [];
        }
    }

    private HealthCheck Stream(StreamState state)
    {
        var problem = state.Problems.FirstOrDefault() ?? (state.Lag > streams.MaxLag ? $"Events of {state.Lag:d\\.hh\\:mm\\:ss} ago are not counted yet." : null);
        return Check(
            "stream:" + state.Stream.Name,
            problem is null ? HealthStatus.Healthy : HealthStatus.Degraded,
            problem,
            ("lagSeconds", state.Lag?.TotalSeconds),
            ("countedTo", state.Progress.Counted(state.Now)),
            ("deadLetters", state.Progress.Shards.Sum(s => s.DeadLetters)));
    }

    private HealthCheck Gold(HealthStatus status, string? description, params (string, object?)[] data)
    {
        var options = goldOptions.Value;
        return Check("gold", status, description, [("store", options.Kind.ToString()), ("storeTable", options.Kind == GoldKind.DynamoDb ? options.DynamoDb.Table : null), .. data]);
    }

    private static HealthCheck Freshness(GoldTableStatus status) => Check(
        "gold:" + status.Table.Name,
        status.IsLate ? HealthStatus.Degraded : HealthStatus.Healthy,
        status.IsLate ? status.Age is { } age ? $"Refreshed {age:d\\.hh\\:mm\\:ss} ago; the objective is {status.Table.Freshness}." : "Never refreshed." : null,
        ("table", status.Table.Name),
        ("isBuilt", status.IsBuilt || status.Table.Refresh is null),
        ("revision", status.Manifest?.Revision),
        ("refreshedAt", status.RefreshedAt),
        ("watermark", status.Watermark));

    private HealthCheck Scheduler(MetricModel model)
    {
        if (services.GetService<RefreshScheduler>() is not { } scheduler)
        {
            return Check("scheduler", HealthStatus.Healthy, "Runs in another process.");
        }

        var silence = clock.GetUtcNow() - scheduler.LastLook;
        return Check(
            "scheduler",
            silence > SchedulerSilence ? HealthStatus.Degraded : HealthStatus.Healthy,
            silence > SchedulerSilence ? $"It last looked at its tables {silence:d\\.hh\\:mm\\:ss} ago." : null,
            ("nextRuns", model.GoldTables.Keys.Select(t => (Table: t, Next: scheduler.NextRun(t))).Where(t => t.Next is not null).ToImmutableSortedDictionary(t => t.Table, t => t.Next)));
    }

    private static int Order(string name) => name switch { "model" => 0, "lake" => 1, "gold" => 2, "scheduler" => 4, _ => 3 };

    private static HealthCheck Check(string name, HealthStatus status, string? description, params (string Name, object? Value)[] data) =>
        new(name, status, description, data.Where(d => d.Value is not null).ToImmutableSortedDictionary(d => d.Name, d => d.Value));

    private sealed record Found(DateTimeOffset At, Task<IReadOnlyList<HealthCheck>> Checks);
}
