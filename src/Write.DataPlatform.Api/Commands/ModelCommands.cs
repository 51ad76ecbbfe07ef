using System.CommandLine;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Says what a change of the model means.</summary>
internal sealed class DiffCommand : ExampleCommand
{
    public DiffCommand(CommandContext context)
        : base("diff", "Says which gold tables a change of the model builds anew and why, and which metrics and insights are others", "% diff ./models-before ./models", "% diff ./models-before ./models --json")
    {
        var old = new Argument<string>("OLD") { Description = "The folder of the model before" };
        var now = new Argument<string>("NEW") { Description = "The folder of the model after" };
        Arguments.Add(old);
        Arguments.Add(now);
        SetAction(async (parse, cancellationToken) =>
        {
            await using var app = context.Build(parse);
            var loader = app.Services.GetRequiredService<ModelLoader>();
            string[] folders = [Path.GetFullPath(parse.GetRequiredValue(old)), Path.GetFullPath(parse.GetRequiredValue(now))];
            var loaded = folders.Distinct().ToDictionary(folder => folder, loader.Load);
            List<string> problems = [.. loaded.SelectMany(l => l.Value.Problems.Select(p => Startup.Print(p, l.Key)))];
            if (problems.Count > 0)
            {
                throw new StartupException(problems);
            }

            var diff = ModelDiff.Create(loaded[folders[0]].Model!, loaded[folders[1]].Model!);
            if (parse.GetValue(context.Json))
            {
                await context.Terminal.Output.WriteLineAsync(JsonSerializer.Serialize(diff, AnswerJson.Options).AsMemory(), cancellationToken);
            }
            else
            {
                Tables.Diff(context.Terminal, diff);
            }

            return ExitCode.Done;
        });
    }
}

/// <summary>Answers a query.</summary>
internal sealed class QueryCommand : ExampleCommand
{
    public QueryCommand(CommandContext context)
        : base(
            "query", "Answers a metric query, read as JSON from a file or from the input",
            "% query kpis.json",
            """echo '{"metrics": ["visits"], "groupBy": ["metric_time__month"]}' | % query - --json""",
            "% query kpis.json --csv > kpis.csv")
    {
        var file = QueryFile.Argument();
        var tenant = QueryFile.Tenant();
        var csv = new Option<bool>("--csv") { Description = "The rows as CSV" };
        Arguments.Add(file);
        Options.Add(tenant);
        Options.Add(csv);
        SetAction(async (parse, cancellationToken) =>
        {
            if (parse.GetValue(csv) && parse.GetValue(context.Json))
            {
                throw new UsageException("--csv and --json are two formats; choose one.");
            }

            await using var app = context.Build(parse);
            var query = await QueryFile.ReadAsync(context, parse.GetRequiredValue(file), parse.GetValue(tenant), app.Services, cancellationToken);
            var answer = await app.Services.GetRequiredService<MetricQueryService>().AnswerAsync(query, Caller.Operator, cancellationToken);
            if (parse.GetValue(csv))
            {
                await context.Terminal.Output.WriteAsync((await AnswerText.OfAsync(answer, AnswerCsv.WriteAsync, cancellationToken)).AsMemory(), cancellationToken);
            }
            else if (parse.GetValue(context.Json))
            {
                await context.Terminal.Output.WriteLineAsync((await AnswerText.OfAsync(answer, AnswerJson.WriteAsync, cancellationToken)).AsMemory(), cancellationToken);
            }
            else
            {
                Tables.Answer(context.Terminal, answer);
            }

            return ExitCode.Done;
        });
    }
}

/// <summary>Says how a query would be answered.</summary>
internal sealed class ExplainCommand : ExampleCommand
{
    public ExplainCommand(CommandContext context)
        : base("explain", "Says who answers which part of a query, and with which statements", "% explain kpis.json", "% explain - --json < kpis.json")
    {
        var file = QueryFile.Argument();
        var tenant = QueryFile.Tenant();
        Arguments.Add(file);
        Options.Add(tenant);
        SetAction(async (parse, cancellationToken) =>
        {
            await using var app = context.Build(parse);
            var query = await QueryFile.ReadAsync(context, parse.GetRequiredValue(file), parse.GetValue(tenant), app.Services, cancellationToken);
            var explanation = await app.Services.GetRequiredService<MetricQueryService>().ExplainAsync(query, Caller.Operator, cancellationToken);
            if (parse.GetValue(context.Json))
            {
                await context.Terminal.Output.WriteLineAsync(JsonSerializer.Serialize(explanation, AnswerJson.Options).AsMemory(), cancellationToken);
            }
            else
            {
                Tables.Explanation(context.Terminal, explanation);
            }

            return ExitCode.Done;
        });
    }
}

/// <summary>The query that a command is about.</summary>
internal static class QueryFile
{
    private const string StandardInput = "-";

    public static Argument<string> Argument() => new("FILE") { Description = "A file with the query's JSON, or - for the input" };

    public static Option<string?> Tenant() => new("--tenant") { Description = "Only the rows of this tenant, as it sees them", HelpName = "NAME" };

    public static async Task<MetricQuery> ReadAsync(CommandContext context, string file, string? tenant, IServiceProvider services, CancellationToken cancellationToken = default)
    {
        var text = file == StandardInput ? await context.Terminal.Input.ReadToEndAsync(cancellationToken) : await File.ReadAllTextAsync(file, cancellationToken);
        await Startup.PrepareAsync(services, cancellationToken);
        MetricQuery query;
        try
        {
            query = MetricQueryReader.Read(System.Text.Encoding.UTF8.GetBytes(text));
        }
        catch (QueryException form)
        {
            throw services.GetRequiredService<MetricQueryService>().WithNames(form);
        }

        return query with { Tenant = tenant };
    }
}
