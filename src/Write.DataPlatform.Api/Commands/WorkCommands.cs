using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Refreshes gold tables now.</summary>
internal sealed class RefreshCommand : ExampleCommand
{
    public RefreshCommand(CommandContext context)
        : base("refresh", "Refreshes a gold table, or all", "% refresh", "% refresh visits_daily --from 2026-01-01 --to 2026-02-01", "% refresh visits_daily --full --json")
    {
        var table = new Argument<string?>("TABLE") { Description = "The gold table; all if none is named", Arity = ArgumentArity.ZeroOrOne };
        var from = Date("--from", "The first day of the partitions to look at");
        var to = Date("--to", "The day after the last");
        var full = new Option<bool>("--full") { Description = "Rebuilds partitions that are as they should be, too" };
        Arguments.Add(table);
        Options.Add(from);
        Options.Add(to);
        Options.Add(full);
        SetAction(async (parse, cancellationToken) =>
        {
            var range = new RefreshRange(parse.GetValue(from), parse.GetValue(to), parse.GetValue(full));
            if (range.From >= range.To)
            {
                throw new UsageException("--to must be after --from.");
            }

            await using var app = context.Build(parse);
            await Startup.PrepareAsync(app.Services, cancellationToken);
            var model = app.Services.GetRequiredService<ModelStore>().Current;
            if (parse.GetValue(table) is { } name && !model.GoldTables.ContainsKey(name))
            {
                throw new UsageException($"There is no gold table '{name}'. {Suggestion.For(name, model.GoldTables.Keys) ?? $"There are {string.Join(", ", model.GoldTables.Keys)}."}");
            }

            var service = app.Services.GetRequiredService<RefreshService>();
            var runs = new List<RefreshRun>();
            foreach (var one in parse.GetValue(table) is { } only ? [only] : model.GoldTables.Keys)
            {
                runs.Add(await context.Terminal.ProgressAsync(one, progress =>
                    service.RunAsync(one, range, RunTrigger.Manual, new Told(progress), cancellationToken)));
            }

            if (parse.GetValue(context.Json))
            {
                await context.Terminal.Output.WriteLineAsync(JsonSerializer.Serialize(new { runs = runs.Select(RunRoutes.Describe) }, AnswerJson.Options).AsMemory(), cancellationToken);
            }
            else
            {
                Tables.Runs(context.Terminal, runs);
            }

            return runs.All(r => r.State == RunState.Succeeded) ? ExitCode.Done : ExitCode.Failed;
        });
    }

    private static Option<DateOnly?> Date(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "YYYY-MM-DD",
        CustomParser = result => Dates.Parse(result, name),
    };

    private sealed class Told(IProgress<(int Done, int Total, string What)> progress) : IProgress<RefreshProgress>
    {
        public void Report(RefreshProgress value) => progress.Report((value.Done + value.Failed, value.Total, value.Period ?? ""));
    }
}

/// <summary>Makes the sample lake.</summary>
internal sealed class SampleCommand : ExampleCommand
{
    public SampleCommand(CommandContext context)
        : base("sample", "Makes a lake of a media site's activity: more than two years of visits, the same for the same options", "% sample --rows 200000 --out ./lake", "% sample --rows 2000000 --out ./lake --seed 7 --end 2026-06-30")
    {
        var rows = new Option<long>("--rows") { Description = "About how many events, from 1000", HelpName = "N", DefaultValueFactory = _ => 2_000_000 };
        var output = new Option<string>("--out") { Description = "The lake's folder, new or empty", HelpName = "DIR", Required = true };
        var seed = new Option<int>("--seed") { Description = "Another seed, another lake", HelpName = "N", DefaultValueFactory = _ => 42 };
        var end = new Option<DateOnly?>("--end") { Description = "The last day; today if not given", HelpName = "YYYY-MM-DD", CustomParser = result => Dates.Parse(result, "--end") };
        rows.Validators.Add(result =>
        {
            if (!result.Tokens.Any() || !long.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) || count >= 1000)
            {
                return;
            }

            result.AddError("--rows must be at least 1000.");
        });
        Options.Add(rows);
        Options.Add(output);
        Options.Add(seed);
        Options.Add(end);
        SetAction(async (parse, cancellationToken) =>
        {
            var directory = Path.GetFullPath(parse.GetRequiredValue(output));
            var day = parse.GetValue(end) ?? DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
            await GenerateAsync(context.Terminal, new SampleOptions { Directory = directory, EndDate = day, Rows = parse.GetValue(rows), Seed = parse.GetValue(seed) }, cancellationToken);
            await context.Terminal.Output.WriteLineAsync(
                (parse.GetValue(context.Json) ? JsonSerializer.Serialize(new { directory, end = day, rows = parse.GetValue(rows), seed = parse.GetValue(seed) }, AnswerJson.Options) : directory).AsMemory(), cancellationToken);
            return ExitCode.Done;
        });
    }

    public static Task GenerateAsync(Terminal terminal, SampleOptions options, CancellationToken cancellationToken = default) =>
        terminal.ProgressAsync("Making the sample lake", async progress =>
        {
            await new SampleLake().GenerateAsync(options, new Told(progress), cancellationToken);
            return true;
        });

    private sealed class Told(IProgress<(int Done, int Total, string What)> progress) : IProgress<SampleProgress>
    {
        public void Report(SampleProgress value) => progress.Report((value.Done, value.Total, ""));
    }
}

/// <summary>Dates on the command line.</summary>
internal static class Dates
{
    public static DateOnly? Parse(System.CommandLine.Parsing.ArgumentResult result, string name)
    {
        if (DateOnly.TryParseExact(result.Tokens[^1].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) && date.Year is >= 1000 and <= 9000)
        {
            return date;
        }

        result.AddError($"{name} is '{result.Tokens[^1].Value}'; write a date such as 2026-01-31, in the years 1000 to 9000.");
        return null;
    }
}
