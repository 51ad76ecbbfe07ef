using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.OData;

/// <summary>A request's query options, by names in lower case without <c>$</c>; parameter aliases stand in their values already.</summary>
internal sealed class FeedOptions
{
    private static readonly string[] Known = ["filter", "select", "orderby", "top", "skip", "count", "search", "compute", "apply", "format", "skiptoken"];
    private static readonly string[] NotHere = ["expand", "levels", "index", "deltatoken", "schemaversion", "id"];

    private const int MaxSteps = 2_048;

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private FeedOptions()
    {
    }

    /// <summary>The parameter aliases, with their sign.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; private init; } = new Dictionary<string, string>();

    public string? this[string name] => _values.GetValueOrDefault(name);

    public string? Filter => this["filter"];

    public string? Select => this["select"];

    public string? OrderBy => this["orderby"];

    public string? Search => this["search"];

    public string? Compute => this["compute"];

    public string? Apply => this["apply"];

    public string? SkipToken => this["skiptoken"];

    public string? Format => this["format"];

    public long? Top => this["top"] is { } text ? ApplyReader.Number(text) : null;

    public long Skip => this["skip"] is { } text ? ApplyReader.Number(text) : 0;

    public bool Count => this["count"] switch { null or "false" => false, "true" => true, var other => throw Refusal.Bad($"$count is true or false and not '{QueryForm.Short(other)}'.") };

    /// <summary>What is asked, as one text: all pages of an answer have the same.</summary>
    public string Canonical => string.Join('\n', _values.Where(v => v.Key is not "skiptoken" and not "format").OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => string.Create(CultureInfo.InvariantCulture, $"{v.Key}={v.Value.Length}:{v.Value}")));

    /// <summary>Whether what is asked may be another answer at another moment, of the same rows.</summary>
    public bool DependsOnTime => _values.Any(v => v.Key is not "skiptoken" && v.Value.Contains("now", StringComparison.OrdinalIgnoreCase));

    /// <summary>What is done with the rows: of the same rows the same. Null if it depends on the time, or is too long to be kept.</summary>
    public FeedSteps? Steps
    {
        get
        {
            var steps = new FeedSteps(Apply, Compute, Search, Filter, OrderBy);
            string?[] texts = [Apply, Compute, Search, Filter, OrderBy];
            return texts.Sum(t => t?.Length ?? 0) <= MaxSteps && !DependsOnTime ? steps : null;
        }
    }

    /// <summary>Whether any option but those is given.</summary>
    public bool HasOthersThan(params string[] names) => _values.Keys.Except(names).Any();

    /// <exception cref="Rest.ProblemException">501: an option that this feed does not have. 400: one is given twice, or an alias has no value.</exception>
    public static FeedOptions Read(string? queryString)
    {
        var aliases = new Dictionary<string, string>(StringComparer.Ordinal);
        var options = new FeedOptions { Aliases = aliases };
        foreach (var pair in new QueryStringEnumerable(queryString))
        {
            var (name, value) = (pair.DecodeName().ToString(), pair.DecodeValue().ToString());
            if (name.StartsWith('@'))
            {
                aliases[name] = value;
                continue;
            }

            var plain = name.TrimStart('$').ToLowerInvariant();
            var isSystem = name.StartsWith('$');
            if (Known.Contains(plain) && name.Length - plain.Length <= 1)
            {
                if (!options._values.TryAdd(plain, value.Trim()))
                {
                    throw Refusal.Bad($"${plain} is given twice.");
                }
            }
            else if (isSystem || NotHere.Contains(plain))
            {
                // An option that is passed over would be a wrong report.
                throw Refusal.Unsupported($"This feed has no option {QueryForm.Short(name)}.");
            }
        }

        foreach (var name in options._values.Keys.Where(n => n is not "skiptoken" and not "format").ToList())
        {
            options._values[name] = Splitter.WithAliases(options._values[name], aliases);
        }

        return options;
    }
}

/// <summary>The options that say what is done with rows.</summary>
internal readonly record struct FeedSteps(string? Apply, string? Compute, string? Search, string? Filter, string? OrderBy);
