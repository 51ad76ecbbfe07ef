using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Refreshes gold tables now.</summary>
internal sealed class RefreshCommand : ExampleCommand
{
    public RefreshCommand(CommandContext context)
        : base("refresh", "Refreshes a gold table, or all", "% refresh", "% refresh visits_daily --from 2026-01-01 --to 2026-02-01", "% refresh visits_daily --full --json")
    {
        var table = GoldRange.Table();
        var (from, to) = GoldRange.Days();
        var full = new Option<bool>("--full") { Description = "Rebuilds partitions that are as they should be, too" };
        Arguments.Add(table);
        Options.Add(from);
        Options.Add(to);
        Options.Add(full);
        Options.Add(context.Create);
        SetAction(async (parse, cancellationToken) =>
        {
            var range = GoldRange.Of(parse.GetValue(from), parse.GetValue(to), parse.GetValue(full));
            await using var app = context.Build(parse);
            await Startup.PrepareAsync(app.Services, cancellationToken);
            var service = app.Services.GetRequiredService<RefreshService>();
            var audit = app.Services.GetRequiredService<AuditLog>();
            var runs = new List<RefreshRun>();
            foreach (var one in GoldRange.Tables(app.Services, parse.GetValue(table)))
            {
                await audit.AddAsync(Caller.Operator, "gold.refresh", one, range.ToString(), cancellationToken);
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

    private sealed class Told(IProgress<(int Done, int Total, string What)> progress) : IProgress<RefreshProgress>
    {
        public void Report(RefreshProgress value) => progress.Report((value.Done + value.Failed, value.Total, value.Period ?? ""));
    }
}

/// <summary>Compares gold tables with the lake.</summary>
internal sealed class VerifyCommand : ExampleCommand
{
    public VerifyCommand(CommandContext context)
        : base("verify", "Compares a gold table with the lake, or all, cell by cell, and prints what differs", "% verify", "% verify visits_daily --from 2026-01-01 --to 2026-02-01", "% verify visits_daily --json")
    {
        var table = GoldRange.Table();
        var (from, to) = GoldRange.Days();
        Arguments.Add(table);
        Options.Add(from);
        Options.Add(to);
        SetAction(async (parse, cancellationToken) =>
        {
            var range = GoldRange.Of(parse.GetValue(from), parse.GetValue(to));
            await using var app = context.Build(parse);
            await Startup.PrepareAsync(app.Services, cancellationToken);
            var verifier = app.Services.GetRequiredService<GoldVerifier>();
            var found = new List<GoldVerification>();
            foreach (var one in GoldRange.Tables(app.Services, parse.GetValue(table)))
            {
                found.Add(await context.Terminal.ProgressAsync(one, progress => verifier.VerifyAsync(one, range, progress, cancellationToken)));
            }

            if (parse.GetValue(context.Json))
            {
                var tables = found.Select(f => new { table = f.Table, good = f.IsGood, differenceCount = f.DifferenceCount, partitions = f.Partitions.Select(Describe), differences = f.Differences.Select(Describe) });
                await context.Terminal.Output.WriteLineAsync(JsonSerializer.Serialize(new { tables }, AnswerJson.Options).AsMemory(), cancellationToken);
            }
            else
            {
                Tables.Verifications(context.Terminal, found);
            }

            return found.All(f => f.IsGood) ? ExitCode.Done : ExitCode.Failed;
        });
    }

    private static object Describe(VerifiedPartition partition) => new
    {
        tenant = partition.Tenant,
        period = partition.Period,
        state = partition.State,
        reason = partition.Reason,
        rows = partition.Rows,
        differences = partition.Differences,
    };

    private static object Describe(CellDifference difference) => new
    {
        tenant = difference.Tenant,
        period = difference.Period,
        key = difference.Key.ToDictionary(k => k.Column, k => k.Value),
        column = difference.Column,
        gold = difference.Gold,
        lake = difference.Lake,
    };
}

/// <summary>Which gold tables and days a command is about.</summary>
internal static class GoldRange
{
    public static Argument<string?> Table() => new("TABLE") { Description = "The gold table; all if none is named", Arity = ArgumentArity.ZeroOrOne };

    public static (Option<DateOnly?> From, Option<DateOnly?> To) Days() =>
        (Dates.Option("--from", "The first day of the partitions to look at"), Dates.Option("--to", "The day after the last"));

    public static RefreshRange Of(DateOnly? from, DateOnly? to, bool full = false) =>
        from >= to ? throw new UsageException("--to must be after --from.") : new RefreshRange(from, to, full);

    public static IEnumerable<string> Tables(IServiceProvider services, string? name)
    {
        var names = services.GetRequiredService<ModelStore>().Current.GoldTables.Keys;
        return name is null ? names
            : names.Contains(name) ? [name]
            : throw new UsageException($"There is no gold table '{name}'. {Suggestion.For(name, names) ?? $"There are {string.Join(", ", names)}."}");
    }
}

/// <summary>Makes the sample lake.</summary>
internal sealed class SampleCommand : ExampleCommand
{
    public SampleCommand(CommandContext context)
        : base("sample", "Makes a lake of a media site's activity: more than two years of visits, the same for the same options", "% sample --rows 200000 --out ./lake", "% sample --rows 2000000 --out ./lake --seed 7 --end 2026-06-30")
    {
        var rows = new Option<long>("--rows") { Description = "About how many events, from 1000 to 1000000000", HelpName = "N", DefaultValueFactory = _ => 2_000_000 };
        var output = new Option<string>("--out") { Description = "The lake's folder, new or empty", HelpName = "DIR", Required = true };
        var seed = new Option<int>("--seed") { Description = "Another seed, another lake", HelpName = "N", DefaultValueFactory = _ => 42 };
        var end = Dates.Option("--end", "The last day; today if not given");
        rows.Validators.Add(result =>
        {
            if (!result.Tokens.Any() || !long.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) || count is >= 1000 and <= 1_000_000_000)
            {
                return;
            }

            result.AddError("--rows must be from 1000 to 1000000000.");
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
    public static Option<DateOnly?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "YYYY-MM-DD",
        CustomParser = result => Parse(result, name),
    };

    private static DateOnly? Parse(System.CommandLine.Parsing.ArgumentResult result, string name)
    {
        if (DateOnly.TryParseExact(result.Tokens[^1].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) && date.Year is >= 1000 and <= 9000)
        {
            return date;
        }

        result.AddError($"{name} is '{result.Tokens[^1].Value}'; write a date such as 2026-01-31, in the years 1000 to 9000.");
        return null;
    }
}
