using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Commands;

/// <summary>
/// The query that a command is about: a file with the contract's JSON, or options. Both may say what MetricFlow's own command says: start and end,
/// where strings (with SQL, which is the operator's own here), the least and the greatest value of a field.
/// </summary>
internal sealed class AskedQuery
{
    private const string StandardInput = "-";

    private readonly CommandContext _context;
    private readonly Argument<string?> _file = new("FILE") { Description = "A file with the query's JSON, or - for the input", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _tenant = new("--tenant") { Description = "Only the rows of this tenant, as it sees them", HelpName = "NAME" };
    private readonly Option<string?> _database = new("--lake-db") { Description = "A DuckDB database file as the lake; without --data no gold is used", HelpName = "FILE" };
    private readonly Option<string?> _metrics = new("--metrics") { Description = "The metrics, or with a modifier visits:percentOfTotal, :rank or :runningTotal; without any, the values of --group-by are listed", HelpName = "A,B" };
    private readonly Option<string?> _groupBy = new("--group-by") { Description = "The fields to group by", HelpName = "X,Y" };
    private readonly Option<string[]> _where = new("--where") { Description = "A condition such as \"{{ Dimension('visit__country') }} = 'DE'\"; of several, all must hold", HelpName = "TEXT" };
    private readonly Option<string?> _start = new("--start") { Description = "The first day or moment", HelpName = "TIME" };
    private readonly Option<string?> _end = new("--end") { Description = "The last day or moment, included", HelpName = "TIME" };
    private readonly Option<string?> _orderBy = new("--order-by") { Description = "Columns, with - before one for the greatest first", HelpName = "X,-Y" };
    private readonly Option<int?> _limit = new("--limit") { Description = "The most rows", HelpName = "N" };
    private readonly Option<string?> _saved = new("--saved") { Description = "A saved query of the model", HelpName = "NAME" };
    private readonly Option<bool> _minMax = new("--min-max") { Description = "The least and the greatest value of the one field of --group-by" };

    public AskedQuery(Command command, CommandContext context)
    {
        _context = context;
        command.Arguments.Add(_file);
        foreach (var option in Asking)
        {
            command.Options.Add(option);
        }

        command.Options.Add(_database);
        command.Options.Add(_tenant);
    }

    private Option[] Asking => [_metrics, _groupBy, _where, _start, _end, _orderBy, _limit, _minMax, _saved];

    /// <summary>Whether any option says what is asked.</summary>
    public bool HasOptions(ParseResult parse) => Asking.Any(o => parse.GetResult(o) is { Implicit: false });

    /// <exception cref="UsageException">The query is given twice, or not at all.</exception>
    public void CheckUsage(ParseResult parse)
    {
        var hasFile = parse.GetValue(_file) is not null;
        if (hasFile && HasOptions(parse))
        {
            throw new UsageException("The query is given by a file or by options, not by both.");
        }

        if (!hasFile && !HasOptions(parse))
        {
            throw new UsageException("Nothing is asked: name a FILE, or --metrics, --group-by or --saved.");
        }

        if (parse.GetValue(_saved) is not null && Asking.Any(o => o != _saved && parse.GetResult(o) is { Implicit: false }))
        {
            throw new UsageException("A saved query is asked as it is; leave out the other options.");
        }
    }

    /// <summary>The composition to answer with. A database as the lake needs no data folder, so it gets one of its own that goes with it.</summary>
    public Setting Open(ParseResult parse)
    {
        var configuration = _context.Configuration(parse);
        string? folder = null;
        if (parse.GetValue(_database) is { } database)
        {
            configuration["DataPlatform:Lake:Database"] = Path.GetFullPath(database);
            if (!configuration.ContainsKey("DataPlatform:Data"))
            {
                configuration["DataPlatform:Data"] = folder = Directory.CreateTempSubdirectory("wdp-query-").FullName;
            }
        }

        return new Setting(DataPlatformHost.Build(new HostSettings(configuration)), folder);
    }

    public TextReader OpenInput(ParseResult parse) =>
        parse.GetValue(_file) is { } file and not StandardInput ? new StreamReader(file) : _context.Terminal.Input;

    /// <summary>What is asked, as JSON.</summary>
    public async Task<string> JsonAsync(ParseResult parse, CancellationToken cancellationToken = default)
    {
        if (parse.GetValue(_file) is not null)
        {
            using var input = OpenInput(parse);
            return await input.ReadToEndAsync(cancellationToken);
        }

        static JsonArray List(IEnumerable<string> items) => new([.. items.Select(i => (JsonNode)JsonValue.Create(i))]);
        var json = new JsonObject();
        foreach (var (option, name) in new[] { (_metrics, "metrics"), (_groupBy, "groupBy"), (_orderBy, "orderBy") })
        {
            if (parse.GetValue(option) is { } text)
            {
                json[name] = name == "metrics" ? new JsonArray([.. MetricQueryReader.Items(text).Select(MetricQueryReader.Metric)]) : List(MetricQueryReader.Items(text));
            }
        }

        if (parse.GetValue(_where) is { Length: > 0 } where)
        {
            json["where"] = List(where);
        }

        json["start"] = parse.GetValue(_start);
        json["end"] = parse.GetValue(_end);
        json["limit"] = parse.GetValue(_limit);
        json["minMax"] = parse.GetValue(_minMax);
        return json.ToJsonString();
    }

    /// <summary>The query, with all its mistakes at once.</summary>
    /// <exception cref="QueryException">The query has mistakes.</exception>
    public MetricQuery Read(ParseResult parse, string json, IServiceProvider services)
    {
        CommandQuery written;
        json = parse.GetValue(_saved) is { } saved ? Saved(services.GetRequiredService<ModelStore>().Current, saved) : json;
        try
        {
            written = MetricQueryReader.ReadCommand(Encoding.UTF8.GetBytes(json));
        }
        catch (QueryException mistakes)
        {
            throw services.GetRequiredService<MetricQueryService>().WithNames(mistakes, Caller.Operator);
        }

        var query = written.Query;
        return query with
        {
            TimeRange = TimeConstraint.Range(services.GetRequiredService<ModelStore>().Current, query, written.Start, written.End) ?? query.TimeRange,
            Tenant = parse.GetValue(_tenant),
            Source = parse.GetValue(_database) is not null && parse.GetValue(_context.Data) is null && query.Source == QuerySource.Auto ? QuerySource.Lake : query.Source,
        };
    }

    private static string Saved(MetricModel model, string name) =>
        model.SavedQueries.TryGetValue(name, out var saved)
            ? saved.Query.ToJsonString()
            : throw new QueryException([new QueryProblem(ProblemCodes.UnknownSavedQuery, $"There is no saved query '{name}'.", "--saved", Suggestion.For(name, model.SavedQueries.Keys))]);

    /// <summary>The services of a command, and the folder that goes with them.</summary>
    internal sealed class Setting(WebApplication app, string? folder) : IAsyncDisposable
    {
        public IServiceProvider Services => app.Services;

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            if (folder is not null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
