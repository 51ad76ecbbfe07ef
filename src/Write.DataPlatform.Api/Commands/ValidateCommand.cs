using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Checks the configuration and the model's files, and if asked runs the model's tests and compares it with the lake.</summary>
internal sealed class ValidateCommand : ExampleCommand
{
    private const int MaxShownRows = 20;

    public ValidateCommand(CommandContext context)
        : base(
            "validate", "Checks the configuration and the model's files and reports every mistake",
            "% validate", "% validate --models ./models --json", "% validate --models ./models --tests --against-lake")
    {
        var tests = new Option<bool>("--tests") { Description = "Runs the model's tests too" };
        var againstLake = new Option<bool>("--against-lake") { Description = "Compares the model with the lake's tables, columns and types too" };
        Options.Add(tests);
        Options.Add(againstLake);
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
            ImmutableArray<ModelTestResult>? results = model is not null && parse.GetValue(tests)
                ? await app.Services.GetRequiredService<ModelTestRunner>().RunAsync(model, cancellationToken)
                : null;
            IReadOnlyList<string>? misfits = model is not null && parse.GetValue(againstLake)
                ? [.. (await app.Services.GetRequiredService<LakeCheck>().CheckAsync(model, cancellationToken)).Select(p => Startup.Print(p))]
                : null;
            if (parse.GetValue(context.Json))
            {
                var told = new { valid = model is not null, revision = model?.Revision, problems, tests = results?.Select(Describe), lakeProblems = misfits };
                await context.Terminal.Output.WriteLineAsync(JsonSerializer.Serialize(told, AnswerJson.Options).AsMemory(), cancellationToken);
            }
            else if (model is null)
            {
                context.Terminal.Fail(new StartupException(problems).Message);
            }
            else
            {
                await context.Terminal.Output.WriteLineAsync(
                    $"The model {model.Revision} is good: {Count(model.SemanticModels.Count, "semantic model")}, {Count(model.Metrics.Count, "metric")}, {Count(model.GoldTables.Count, "gold table")}, {Count(model.Insights.Count, "insight")}, {Count(model.Tests.Count, "test")}.".AsMemory(), cancellationToken);
                if (results is { } ran)
                {
                    await context.Terminal.Output.WriteAsync(Print(ran).AsMemory(), cancellationToken);
                }

                if (misfits is [])
                {
                    await context.Terminal.Output.WriteLineAsync("The lake has every table, column and type that the model reads.".AsMemory(), cancellationToken);
                }
                else if (misfits is not null)
                {
                    context.Terminal.Fail(new StartupException(misfits).Message);
                }
            }

            return model is null || results?.Any(r => !r.Passed) is true || misfits is { Count: > 0 } ? ExitCode.Failed : ExitCode.Done;
        });
    }

    private static object Describe(ModelTestResult result) => new
    {
        name = result.Name,
        source = result.Source.ToString(),
        passed = result.Passed,
        error = result.Error,
        columns = result.Columns,
        missing = result.Missing,
        unexpected = result.Unexpected,
    };

    private static string Print(ImmutableArray<ModelTestResult> results)
    {
        var lines = new List<string>();
        foreach (var result in results)
        {
            lines.Add(result.Passed ? $"passed {result.Name}" : $"failed {result.Name} ({result.Source})");
            if (result.Error is { } error)
            {
                lines.Add("  " + error);
            }

            lines.AddRange(Rows("-", "expected", result.Missing));
            lines.AddRange(Rows("+", "answered", result.Unexpected));

            IEnumerable<string> Rows(string sign, string what, ImmutableArray<ImmutableArray<object?>> rows)
            {
                foreach (var row in rows.Take(MaxShownRows))
                {
                    yield return $"  {sign} {what} {string.Join(", ", result.Columns.Zip(row, (column, value) => $"{column}: {(value is null ? "null" : AnswerJson.Text(value))}"))}";
                }

                if (rows.Length > MaxShownRows)
                {
                    yield return $"  {sign} and {Count(rows.Length - MaxShownRows, "row")} more";
                }
            }
        }

        lines.Add($"{Count(results.Length, "test")}, {results.Count(r => !r.Passed)} failed");
        return string.Join(Environment.NewLine, lines) + Environment.NewLine;
    }

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
