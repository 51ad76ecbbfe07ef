using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Benchmarks;

/// <summary>The command line: which parts run, over how many rows, and the table of what they found.</summary>
internal static class BenchmarkCommand
{
    private const long DefaultRows = 20_000_000;
    private const long LeastRows = 10_000;
    private const string Load = "load";

    private static readonly (string Name, Func<Scale, Func<Task<World>>, CancellationToken, Task<IReadOnlyList<Figure>>> Run)[] Parts =
    [
        ("refresh", (scale, _, token) => RefreshPart.RunAsync(scale, token)),
        ("stream", (scale, _, token) => StreamPart.RunAsync(scale, token)),
        ("dynamodb", (scale, _, token) => DynamoDbPart.RunAsync(scale, token)),
        ("gold", async (scale, world, token) => await GoldPart.RunAsync(scale, await world(), token)),
        ("serve", async (scale, world, token) => await ServePart.RunAsync(scale, await world(), token)),
        ("odata", async (scale, world, token) => await ODataPart.RunAsync(scale, await world(), token)),
        (Load, async (scale, world, token) => await LoadPart.RunAsync(scale, await world(), token)),
        ("web", async (scale, world, token) => await WebPart.RunAsync(scale, await world(), token)),
        ("growth", (scale, _, token) => GrowthPart.RunAsync(scale, token)),
        ("plan", async (scale, world, token) => await PlanPart.RunAsync(scale, await world(), token)),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        var terminal = Terminal.OfProcess();
        var part = new Argument<string>("PART") { Description = "What is measured", DefaultValueFactory = _ => "all" };
        part.AcceptOnlyFromAmong(["all", .. Parts.Select(p => p.Name)]);
        var rows = new Option<long>("--rows") { Description = $"Events of the largest lake, from {LeastRows}; the other sizes follow from it", HelpName = "N", DefaultValueFactory = _ => DefaultRows };
        rows.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<long>() < LeastRows)
            {
                result.AddError($"--rows must be at least {LeastRows}.");
            }
        });
        var json = new Option<string?>("--json") { Description = "Also writes the figures to a file", HelpName = "FILE" };
        var check = new Option<bool>("--check") { Description = "One short round: tells whether everything works, its figures mean nothing" };
        var images = new Option<string?>("--images") { Description = "Also draws the curves of growth into a folder", HelpName = "DIR" };
        var minutes = new Option<double>("--minutes") { Description = $"How long {Load} lasts after as long a warm-up, which all leaves out", HelpName = "N", DefaultValueFactory = _ => 5 };
        var root = new RootCommand("Measures the platform beside its ceilings. A wrong answer ends it with 1; a figure that misses its target does not.") { part, rows, json, images, check, minutes };
        root.SetAction(async (parse, cancellationToken) =>
        {
            var scale = new Scale(parse.GetValue(rows), IsCheck: parse.GetValue(check)) { LoadMinutes = parse.GetValue(minutes), Images = parse.GetValue(images) };
            var chosen = parse.GetRequiredValue(part);
            List<Figure> figures = [];
            World? world = null;
            try
            {
                foreach (var (name, run) in Parts.Where(p => p.Name == chosen || (chosen == "all" && p.Name != Load)))
                {
                    terminal.Say($"{name} …");
                    figures.AddRange(await run(scale, async () => world ??= await World.CreateAsync(scale, cancellationToken), cancellationToken));
                }
            }
            finally
            {
                await (world?.DisposeAsync() ?? ValueTask.CompletedTask);
            }

            Show(terminal, figures);
            if (parse.GetValue(json) is { } file)
            {
                var report = new { at = TimeProvider.System.GetUtcNow(), processors = Environment.ProcessorCount, rows = scale.Events, figures };
                await File.WriteAllTextAsync(file, JsonSerializer.Serialize(report, AnswerJson.Options), cancellationToken);
            }
        });
        return await root.Parse(args).InvokeAsync();
    }

    private static void Show(Terminal terminal, IEnumerable<Figure> figures)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("part").AddColumn("what");
        foreach (var column in new[] { "ours", "ceiling", "ratio", "target" })
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        table.AddColumn("");
        foreach (var figure in figures)
        {
            table.AddRow(
                new Text(figure.Part),
                new Text(figure.What),
                new Text(Number(figure.Ours, figure.Unit)),
                new Text(figure.Ceiling is { } ceiling ? Number(ceiling, figure.Unit) : ""),
                new Text(figure.Ratio is { } ratio ? ratio.ToString(ratio < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture) : ""),
                new Text(figure.TargetText),
                new Text(figure.IsOk ? "ok" : "not"));
        }

        terminal.Result.Write(table);
    }

    private static string Number(double value, string unit) => value.ToString(value < 10 ? "0.00" : value < 1000 ? "0.0" : "N0", CultureInfo.InvariantCulture) + " " + unit;
}

/// <summary>How large everything is.</summary>
/// <param name="Events">Events of the lake that is rolled up.</param>
/// <param name="IsCheck">Whether only its working matters, not its figures.</param>
internal sealed record Scale(long Events, bool IsCheck)
{
    /// <summary>Rounds that count.</summary>
    public int Rounds => IsCheck ? 1 : 5;

    /// <summary>How long requests are sent in a round.</summary>
    public TimeSpan LoadDuration => TimeSpan.FromSeconds(IsCheck ? 0.1 : 1);

    /// <summary>Events of the sample lake that is served; more make no answer larger.</summary>
    public long ServedEvents => Math.Min(Events, 1_000_000);

    /// <summary>Rounds in which a server warms up.</summary>
    public int WarmRounds => IsCheck ? 0 : 10;

    /// <summary>How long events are sent to see when they are in the answer.</summary>
    public TimeSpan FreshnessTest => TimeSpan.FromSeconds(IsCheck ? 3 : 90);

    /// <summary>How long a server rests before its memory is looked at.</summary>
    public TimeSpan Rest => TimeSpan.FromSeconds(IsCheck ? 0 : 5);

    /// <summary>Where pictures are written; null for nowhere.</summary>
    public string? Images { get; init; }

    /// <summary>How long the load test lasts once the server is warm.</summary>
    public double LoadMinutes { get; init; } = 5;

    /// <inheritdoc cref="LoadMinutes" />
    public TimeSpan LoadTest => IsCheck ? TimeSpan.FromSeconds(10) : TimeSpan.FromMinutes(LoadMinutes);

    /// <summary>How long the same load goes on before: every path is compiled, every cache full, every heap as large as it gets.</summary>
    public TimeSpan LoadWarmUp => IsCheck ? TimeSpan.FromSeconds(4) : LoadTest;

    /// <summary>Rows of the gold table that slices are taken of.</summary>
    public long SliceRows => Math.Min(Events, 100_000);

    /// <summary>Tenants with a partition of their own in one gold table.</summary>
    public int Tenants => IsCheck ? 50 : 10_000;

    /// <summary>Rows of the gold table that is grouped as a whole, and of what is stored.</summary>
    public long WideRows => Math.Min(Events, 1_000_000);
}
