using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Model;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Benchmarks;

/// <summary>How the cost of things grows with rows, tenants and metrics: processor time at 1, 2, 4 and 8 times the size, each over the first.</summary>
internal static class GrowthPart
{
    private const string Name = "growth";
    private const int EventsOfTenant = GrowthWorld.Days * 2;
    private const int MetricsAtMost = 800;

    /// <summary>Twice as much of what the cost is of may take a tenth more than twice the time.</summary>
    private const double Linear = 2.2;

    private static readonly int[] Factors = [1, 2, 4, 8];

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, CancellationToken cancellationToken)
    {
        var rows = await RowsAsync(scale, cancellationToken);
        await DrawAsync(scale, "rows", rows, cancellationToken);
        var metrics = await MetricsAsync(scale, cancellationToken);
        await DrawAsync(scale, "metrics", metrics, cancellationToken);
        var (tenants, many) = await TenantsAsync(scale, cancellationToken);
        await DrawAsync(scale, "tenants", tenants, cancellationToken);
        return [.. rows.Concat(metrics).Concat(tenants).SelectMany(Figures), many];
    }

    private static async Task DrawAsync(Scale scale, string name, IReadOnlyList<GrowthCurve> curves, CancellationToken cancellationToken)
    {
        if (scale.Images is { } folder)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, $"growth-{name}.svg"), GrowthChart.Draw(curves), cancellationToken);
        }
    }

    /// <summary>A curve as figures: the worst doubling of what may grow, the whole growth of what may not.</summary>
    private static IEnumerable<Figure> Figures(GrowthCurve curve)
    {
        var worst = Enumerable.Range(1, Factors.Length - 1).MaxBy(i => curve.Costs[i] / curve.Costs[i - 1]);
        yield return curve.MayGrow
            ? new Figure(Name, $"{curve.Title}: {curve.Sizes[worst]} against {curve.Sizes[worst - 1]} {curve.Axis}, the worst doubling", curve.Unit, curve.Costs[worst], curve.Costs[worst - 1], Bound.RatioAtMost, Linear)
            : new Figure(Name, $"{curve.Title}: {curve.Sizes[^1]} against {curve.Sizes[0]} {curve.Axis}", curve.Unit, curve.Costs[^1], curve.Costs[0], Bound.RatioAtMost, 1.5);
    }

    private static async Task<IReadOnlyList<GrowthCurve>> RowsAsync(Scale scale, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        List<GrowthWorld> worlds = [];
        try
        {
            foreach (var factor in Factors)
            {
                worlds.Add(await GrowthWorld.CreateAsync(folder.New(), Math.Min(scale.Events, 4_000_000) / Factors[^1] * factor, 0, 2, cancellationToken));
            }

            using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromMinutes(10) };
            string[] sizes = [.. worlds.Select(w => GrowthChart.Size(w.Rows))];
            Task<GrowthCurve> CurveAsync(string title, bool mayGrow, int inARow, Func<GrowthWorld, Task> work) => GrowthPart.CurveAsync(scale, title, "rows", sizes, mayGrow, inARow, [.. worlds.Select(w => (Func<Task>)(() => work(w)))], cancellationToken);
            var curves = new List<GrowthCurve>
            {
                await CurveAsync("refresh in full", true, 1, w => w.RefreshAsync(cancellationToken)),
                await CurveAsync("query of gold", true, 10, w => w.AskAsync("gold", cancellationToken)),
                await CurveAsync("query of the lake", true, 3, w => w.AskAsync("lake", cancellationToken)),
                await CurveAsync("query that was asked before", false, 200, async w =>
                {
                    var answer = await client.GetStringAsync(w.Url + "/v1/query?metrics=events&groupBy=event__device&source=gold", cancellationToken);
                    WrongAnswerException.ThrowIf(!answer.Contains("\"tablet\"", StringComparison.Ordinal), answer);
                }),
                await CurveAsync("export of all rows by OData", true, 1, async w =>
                {
                    var (rows, sum) = await ODataPart.ReadAllAsync(client, $"{w.Url}/odata/{GrowthWorld.Table}", "events", cancellationToken);
                    WrongAnswerException.ThrowIf(rows != w.Rows || sum != w.Rows, $"{rows} rows with {sum} events were exported, not {w.Rows}.");
                }),
            };

            var lake = folder.Path("lake");
            await World.MakeSampleAsync(lake, 10_000, cancellationToken);
            var records = StreamPart.Records((int)Math.Min(scale.Events, 400_000));
            var counts = await Measure.InTurnsAsync(
                scale.Rounds, cancellationToken, [.. Factors.Select(f => (Func<Task<double>>)(() => StreamPart.CountAsync(folder, lake, records[..(records.Length / Factors[^1] * f)], LandingMode.Off, cancellationToken)))]);
            curves.Add(new GrowthCurve("events of a stream", "rows", [.. Factors.Select(f => GrowthChart.Size(records.Length / Factors[^1] * f))], counts, true));
            return curves;
        }
        finally
        {
            foreach (var world in worlds)
            {
                await world.DisposeAsync();
            }
        }
    }

    private static async Task<(IReadOnlyList<GrowthCurve> Curves, Figure Many)> TenantsAsync(Scale scale, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        List<GrowthWorld> worlds = [];
        try
        {
            // The last two are one tenant alone and one among all.
            foreach (var tenants in Factors.Select(f => Math.Max(1, scale.Tenants / 25 / Factors[^1]) * f).Append(1).Append(scale.Tenants))
            {
                worlds.Add(await GrowthWorld.CreateAsync(folder.New(), (long)EventsOfTenant * tenants, tenants, 2, cancellationToken));
            }

            var grown = worlds[..Factors.Length];
            string[] sizes = [.. grown.Select(w => GrowthChart.Size(w.Tenants))];
            var refresh = await CurveAsync(scale, "refresh of all tenants", "tenants", sizes, true, 1, [.. grown.Select(w => (Func<Task>)(() => w.RefreshAsync(cancellationToken)))], cancellationToken);
            var query = await CurveAsync(scale, "query of one tenant", "tenants", sizes, false, 50, [.. grown.Select(w => (Func<Task>)(() => w.AskAsync("gold", cancellationToken)))], cancellationToken);
            var alone = await CostsAsync(scale, 50, [.. worlds[Factors.Length..].Select(w => (Func<Task>)(() => w.AskAsync("gold", cancellationToken)))], cancellationToken);
            return ([refresh, query], new Figure(Name, $"query of one tenant among {scale.Tenants:N0}; of one alone", refresh.Unit, alone[1], alone[0], Bound.RatioAtMost, 1.5));
        }
        finally
        {
            foreach (var world in worlds)
            {
                await world.DisposeAsync();
            }
        }
    }

    private static async Task<IReadOnlyList<GrowthCurve>> MetricsAsync(Scale scale, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        List<GrowthWorld> worlds = [];
        try
        {
            int[] counts = [.. Factors.Select(f => (scale.IsCheck ? 40 : MetricsAtMost) / Factors[^1] * f)];
            foreach (var count in counts)
            {
                worlds.Add(await GrowthWorld.CreateAsync(folder.New(), GrowthWorld.Days, 0, count, cancellationToken));
            }

            string[] sizes = [.. counts.Select(c => GrowthChart.Size(c))];
            List<Action> plans = [];
            foreach (var world in worlds)
            {
                plans.Add(await world.PlannerAsync(cancellationToken));
            }

            return
            [
                await CurveAsync(scale, "loading the model", "metrics", sizes, true, scale.IsCheck ? 1 : 5, [.. worlds.Select(w => (Func<Task>)(() =>
                {
                    var loaded = w.App.Services.GetRequiredService<ModelLoader>().Load(w.Models);
                    WrongAnswerException.ThrowIf(loaded.Model is null, string.Join('\n', loaded.Problems));
                    return Task.CompletedTask;
                }))], cancellationToken),
                await CurveAsync(scale, "planning a query", "metrics", sizes, false, scale.IsCheck ? 1 : 1_000, [.. plans.Select(p => (Func<Task>)(() =>
                {
                    p();
                    return Task.CompletedTask;
                }))], cancellationToken),
            ];
        }
        finally
        {
            foreach (var world in worlds)
            {
                await world.DisposeAsync();
            }
        }
    }

    private static async Task<GrowthCurve> CurveAsync(Scale scale, string title, string axis, string[] sizes, bool mayGrow, int inARow, Func<Task>[] works, CancellationToken cancellationToken) =>
        new(title, axis, sizes, await CostsAsync(scale, inARow, works, cancellationToken), mayGrow);

    /// <summary>Processor time, which says on a machine with other work, too, what something costs.</summary>
    private static Task<double[]> CostsAsync(Scale scale, int inARow, Func<Task>[] works, CancellationToken cancellationToken) => Measure.InTurnsAsync(scale.Rounds, cancellationToken, [.. works.Select(work => (Func<Task<double>>)(async () =>
    {
        var times = scale.IsCheck ? 1 : inARow;
        var before = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < times; i++)
        {
            await work();
        }

        return (Environment.CpuUsage.TotalTime - before).TotalMilliseconds / times;
    }))]);
}
