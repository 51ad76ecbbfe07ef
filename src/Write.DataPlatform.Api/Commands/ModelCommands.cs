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

/// <summary>Says how a query would be answered.</summary>
internal sealed class ExplainCommand : ExampleCommand
{
    public ExplainCommand(CommandContext context)
        : base("explain", "Says who answers which part of a query, and with which statements", "% explain kpis.json", "% explain - --json < kpis.json")
    {
        var asked = new AskedQuery(this, context);
        SetAction(async (parse, cancellationToken) =>
        {
            asked.CheckUsage(parse);
            await using var setting = asked.Open(parse);
            var services = setting.Services;
            await Startup.PrepareAsync(services, cancellationToken);
            var query = asked.Read(parse, await asked.JsonAsync(parse, cancellationToken), services);
            var explanation = await services.GetRequiredService<MetricQueryService>().ExplainAsync(query, Caller.Operator, cancellationToken);
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
