using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Checks the configuration and the model's files.</summary>
internal sealed class ValidateCommand : ExampleCommand
{
    public ValidateCommand(CommandContext context)
        : base("validate", "Checks the configuration and the model's files and reports every mistake", "% validate", "% validate --models ./models --json")
    {
        SetAction(async (parse, cancellationToken) =>
        {
            await using var app = context.Build(parse);
            IReadOnlyList<string> problems = [];
            try
            {
                Startup.Check(app.Services);
            }
            catch (StartupException exception)
            {
                problems = exception.Problems;
            }

            var model = problems.Count == 0 ? app.Services.GetRequiredService<ModelStore>().Current : null;
            if (parse.GetValue(context.Json))
            {
                await context.Terminal.Output.WriteLineAsync(JsonSerializer.Serialize(new { valid = model is not null, revision = model?.Revision, problems }, AnswerJson.Options).AsMemory(), cancellationToken);
            }
            else if (model is null)
            {
                context.Terminal.Fail(new StartupException(problems).Message);
            }
            else
            {
                await context.Terminal.Output.WriteLineAsync(
                    $"The model {model.Revision} is good: {model.SemanticModels.Count} semantic models, {model.Metrics.Count} metrics, {model.GoldTables.Count} gold tables, {model.Insights.Count} insights.".AsMemory(), cancellationToken);
            }

            return model is null ? ExitCode.Failed : ExitCode.Done;
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
