using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Answers one query, or one a line.</summary>
internal sealed class QueryCommand : ExampleCommand
{
    private readonly CommandContext _context;
    private readonly AskedQuery _asked;
    private readonly Option<bool> _csv = new("--csv") { Description = "The rows as CSV" };
    private readonly Option<bool> _lines = new("--ndjson") { Description = "One query a line, as JSON, and one answer a line" };

    public QueryCommand(CommandContext context)
        : base(
            "query", "Answers a metric query, given by options or as JSON in a file or the input",
            "% query kpis.json",
            """echo '{"metrics": ["visits"], "groupBy": ["metric_time__month"]}' | % query - --json""",
            "% query kpis.json --csv > kpis.csv",
            "% query --metrics visits,revenue --group-by metric_time__month --start 2026-01-01 --end 2026-03-31 --order-by -metric_time__month",
            """% query --models ./models --lake-db lake.duckdb --metrics visits --where "{{ Dimension('visit__country') }} = 'DE'" --csv""",
            "% query --models ./models --lake-db lake.duckdb --ndjson queries.ndjson > answers.ndjson")
    {
        _context = context;
        _asked = new AskedQuery(this, context);
        Options.Add(_csv);
        Options.Add(_lines);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellationToken)
    {
        var isCsv = parse.GetValue(_csv);
        var isLines = parse.GetValue(_lines);
        if (isCsv && parse.GetValue(_context.Json))
        {
            throw new UsageException("--csv and --json are two formats; choose one.");
        }

        if (isLines && (isCsv || _asked.HasOptions(parse)))
        {
            throw new UsageException("With --ndjson every line says what is asked, and the answers are lines of JSON; leave out --csv and the query's options.");
        }

        if (!isLines)
        {
            _asked.CheckUsage(parse);
        }

        await using var setting = _asked.Open(parse);
        await Startup.PrepareAsync(setting.Services, cancellationToken);
        if (isLines)
        {
            return await LinesAsync(parse, setting.Services, cancellationToken);
        }

        var query = _asked.Read(parse, await _asked.JsonAsync(parse, cancellationToken), setting.Services);
        var answer = await setting.Services.GetRequiredService<MetricQueryService>().AnswerAsync(query, Caller.Operator, cancellationToken);
        answer = _asked.HasOptions(parse) ? WithFullNames(answer) : answer;
        if (isCsv)
        {
            await _context.Terminal.Output.WriteAsync((await AnswerText.OfAsync(answer, AnswerFormats.Csv, cancellationToken)).AsMemory(), cancellationToken);
        }
        else if (parse.GetValue(_context.Json))
        {
            await _context.Terminal.Output.WriteLineAsync((await AnswerText.OfAsync(answer, AnswerFormats.Json, cancellationToken)).AsMemory(), cancellationToken);
        }
        else
        {
            Tables.Answer(_context.Terminal, answer);
        }

        return ExitCode.Done;
    }

    /// <summary>Every line is answered in its turn, whatever the others are; 1 if any could not be.</summary>
    private async Task<int> LinesAsync(ParseResult parse, IServiceProvider services, CancellationToken cancellationToken)
    {
        using var input = _asked.OpenInput(parse);
        var code = ExitCode.Done;
        while (await input.ReadLineAsync(cancellationToken) is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                var (text, isAnswer) = await LineAsync(parse, line, services, cancellationToken);
                await _context.Terminal.Output.WriteLineAsync(text.AsMemory(), cancellationToken);
                code = isAnswer ? code : ExitCode.Failed;
            }
        }

        return code;
    }

    private async Task<(string Text, bool IsAnswer)> LineAsync(ParseResult parse, string line, IServiceProvider services, CancellationToken cancellationToken)
    {
        var name = NameOf(line);
        try
        {
            var query = _asked.Read(parse, line, services);
            var answer = WithFullNames(await services.GetRequiredService<MetricQueryService>().AnswerAsync(query, Caller.Operator, cancellationToken));
            return (Line(name, writer => WriteAnswer(writer, answer)), true);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            var message = exception switch
            {
                QueryException mistakes => string.Join(" ", mistakes.Problems.Select(p => $"{(p.Path is null ? "" : p.Path + ": ")}{p.Code}: {p.Message}{(p.Suggestion is null ? "" : " " + p.Suggestion)}")),
                LakeException or Gold.GoldStoreException or IOException => exception.Message,
                _ => $"The program made a mistake ({exception.GetType().Name}: {exception.Message}).",
            };
            return (Line(name, writer => writer.WriteString("error", message)), false);
        }
    }

    /// <summary>MetricFlow names a time that is asked for without a grain by the grain that it has got, and a field by its whole path.</summary>
    private static MetricAnswer WithFullNames(MetricAnswer answer) => answer with
    {
        Columns = [.. answer.Columns.Select(c => c with { Name = c.FullName ?? c.Name })],
    };

    /// <summary>What a line's answer is known by, even if nothing else of it can be read.</summary>
    private static string? NameOf(string line)
    {
        try
        {
            return JsonNode.Parse(line) is JsonObject json && json["name"] is JsonValue name && name.TryGetValue(out string? text) ? text : null;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string Line(string? name, Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, AnswerJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("name", name);
            write(writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteAnswer(Utf8JsonWriter writer, MetricAnswer answer)
    {
        writer.WriteStartArray("columns");
        foreach (var column in answer.Columns)
        {
            writer.WriteStringValue(column.Name);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("rows");
        foreach (var row in answer.Rows)
        {
            writer.WriteStartArray();
            foreach (var value in row)
            {
                AnswerJson.WriteValue(writer, value);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }
}
