using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Model.Filters;

namespace Write.DataPlatform.Model.Reading;

/// <summary>
/// Reads one mapping key by key. A mistake is reported and a harmless value returned, so that one pass finds all of them;
/// <see cref="Done"/> reports the keys nobody asked for.
/// </summary>
internal sealed class MapReader
{
    private readonly WrittenMap _map;
    private readonly ReadContext _context;
    private readonly string _what;
    private readonly string _path;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>Starts a new item; its keys' places are remembered under the item's.</summary>
    public MapReader(WrittenMap map, ReadContext context, string what)
        : this(map, context, what, map.Position, "")
    {
    }

    private MapReader(WrittenMap map, ReadContext context, string what, SourcePosition item, string path)
    {
        (_map, _context, _what, Item, _path) = (map, context, what, item, path);
        foreach (var (key, value) in map.Entries)
        {
            context.Positions.Add(item, path + key.Value, value is WrittenScalar || value.Position.Line == key.Position.Line ? value.Position : key.Position);
        }
    }

    /// <summary>The place of the item.</summary>
    public SourcePosition Item { get; }

    /// <summary>The place of this mapping.</summary>
    public SourcePosition Position => _map.Position;

    /// <summary>The keys that are written.</summary>
    public IEnumerable<string> Keys => _map.Entries.Select(e => e.Key.Value);

    /// <summary>Whether the key is written, with any value.</summary>
    public bool Has(string key) => _map.Entries.Any(e => e.Key.Value == key);

    /// <summary>Reports a problem at a key, or at the mapping if the key is not written.</summary>
    public void Report(string code, string message, string key, string? suggestion = null) =>
        _context.Report(code, message, Raw(key)?.Position ?? Position, suggestion);

    /// <summary>Reports a problem at a place.</summary>
    public void ReportAt(string code, string message, SourcePosition position, string? suggestion = null) =>
        _context.Report(code, message, position, suggestion);

    /// <summary>Accepts keys that have no meaning here.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            _known.Add(key);
        }
    }

    /// <summary>The value as written; null if it is not, or is YAML's null.</summary>
    public Written? Raw(string key)
    {
        _known.Add(key);
        return _map.Entries.FirstOrDefault(e => e.Key.Value == key).Value is { } value and not WrittenScalar { IsNull: true } ? value : null;
    }

    /// <summary>A text, number or truth value as it is spelt.</summary>
    public string? Text(string key)
    {
        switch (Raw(key))
        {
            case null:
                return null;
            case WrittenScalar scalar:
                return scalar.Value;
            case var other:
                Wrong(other, key, "a text");
                return null;
        }
    }

    /// <summary>A text that must be there; empty if it is not.</summary>
    public string Required(string key)
    {
        var value = Text(key);
        if (string.IsNullOrWhiteSpace(value) && Raw(key) is null or WrittenScalar)
        {
            Missing(key);
        }

        return value ?? "";
    }

    /// <summary>Reports a key that must be there.</summary>
    public void Missing(string key) => _context.Report(ModelCode.MissingKey, $"{Article(_what)} needs '{key}'.", Position);

    /// <summary>A truth value; YAML 1.1's yes and no count too, as dbt reads them.</summary>
    public bool Flag(string key, bool otherwise = false) => Scalar(key, "true or false", text => text.ToLowerInvariant() switch
    {
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        _ => (bool?)null,
    }) ?? otherwise;

    /// <summary>A whole number.</summary>
    public long? Integer(string key) => Scalar(
        key, "a whole number", text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : (long?)null);

    /// <summary>A month's number, 1 to 12.</summary>
    public int? Month(string key) => Scalar(
        key, "a month's number, 1 to 12", text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is >= 1 and <= 12 ? value : (int?)null);

    /// <summary>A number.</summary>
    public double? Number(string key) => Scalar(
        key, "a number", text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : (double?)null);

    /// <summary>A date.</summary>
    public DateOnly? Date(string key) => Scalar(
        key, "a date such as 2024-01-31", text => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var value) ? value : (DateOnly?)null);

    /// <summary>A fixed length of time.</summary>
    public TimeSpan? Duration(string key) => Scalar(key, "a duration such as 3d, 1h, 15m, 30s or PT15M", Spelling.Duration);

    /// <summary>A calendar length; one in a custom granularity is reported as not supported.</summary>
    public CalendarPeriod? Period(string key) => Scalar(key, "a period such as 7 days or 1 month", Spelling.Period);

    /// <summary>A rate a second.</summary>
    public double? Rate(string key) => Scalar(key, "a rate such as 50/s or 3000/m", Spelling.Rate);

    /// <summary>A grain.</summary>
    public TimeGrain? Grain(string key)
    {
        if (Text(key) is { } text && Spelling.IsTooFine(text))
        {
            Report(ModelCode.NotSupported, $"The grain '{text}' is finer than the finest supported, second.", key);
            return null;
        }

        return Choice<TimeGrain>(key);
    }

    /// <summary>One of an enum's names, in snake_case.</summary>
    public T? Choice<T>(string key) where T : struct, Enum
    {
        if (Text(key) is not { } text)
        {
            return null;
        }

        if (Spelling.Values<T>.ByName.TryGetValue(text, out var value))
        {
            return value;
        }

        var names = Spelling.Values<T>.ByName.Keys;
        Report(
            ModelCode.BadValue, $"'{Short(text)}' is no '{key}' of {Article(_what).ToLowerInvariant()}.", key,
            _context.Suggest(text, names) ?? $"One of {string.Join(", ", names)}.");
        return null;
    }

    /// <summary>One of an enum's names that must be there.</summary>
    public T RequiredChoice<T>(string key) where T : struct, Enum
    {
        if (Raw(key) is null)
        {
            Missing(key);
        }

        return Choice<T>(key) ?? default;
    }

    /// <summary>A time zone by its IANA name.</summary>
    public TimeZoneInfo? Zone(string key)
    {
        if (Text(key) is not { } text)
        {
            return null;
        }

        if (text.Length is > 0 and < 100 && TimeZoneInfo.TryFindSystemTimeZoneById(text, out var zone))
        {
            return zone;
        }

        Report(
            ModelCode.UnknownTimeZone, $"The time zone '{Short(text)}' is not known.", key,
            _context.Suggest(text, TimeZoneInfo.GetSystemTimeZones().Select(z => z.Id)) ?? "Write an IANA name such as Europe/Berlin.");
        return null;
    }

    /// <summary>A where string, or a list of them of which all must hold.</summary>
    public Filter? Filter(string key) => Filter(Raw(key), key);

    private Filter? Filter(Written? written, string key) => written switch
    {
        null => null,
        WrittenScalar scalar => Where(scalar),
        WrittenList list => Model.Filter.And(list.Items.Select(i => i is WrittenScalar { IsNull: false } scalar ? Where(scalar) : Wrong<Filter>(i, key, "a list of conditions"))),
        _ => Wrong<Filter>(written, key, "a condition"),
    };

    private Filter? Where(WrittenScalar scalar)
    {
        try
        {
            return FilterParser.Parse(scalar.Value);
        }
        catch (FilterException exception)
        {
            _context.Report(exception.Code, $"{exception.Message} (character {exception.Offset + 1} of the condition).", scalar.Position, exception.Suggestion);
            return null;
        }
    }

    /// <summary>A list of texts; a single text is a list of one.</summary>
    public ImmutableArray<string> Texts(string key)
    {
        switch (Raw(key))
        {
            case null:
                return [];
            case WrittenScalar scalar:
                return [scalar.Value];
            case WrittenList list:
                for (var i = 0; i < list.Items.Length; i++)
                {
                    if (list.Items[i] is not WrittenScalar { IsNull: false })
                    {
                        Wrong(list.Items[i], key, "a list of texts");
                    }

                    _context.Positions.Add(Item, $"{_path}{key}[{i}]", list.Items[i].Position);
                }

                return [.. list.Items.Select(i => i is WrittenScalar { IsNull: false } scalar ? scalar.Value : "")];
            case var other:
                Wrong(other, key, "a list of texts");
                return [];
        }
    }

    /// <summary>A mapping that belongs to the same item.</summary>
    public MapReader? Map(string key, string what)
    {
        switch (Raw(key))
        {
            case null:
                return null;
            case WrittenMap map:
                return new MapReader(map, _context, what, Item, $"{_path}{key}.");
            case var other:
                Wrong(other, key, "a mapping");
                return null;
        }
    }

    /// <summary>A mapping that is an item of its own.</summary>
    public MapReader? Single(string key, string what)
    {
        switch (Raw(key))
        {
            case null:
                return null;
            case WrittenMap map:
                return new MapReader(map, _context, what);
            case var other:
                Wrong(other, key, "a mapping");
                return null;
        }
    }

    /// <summary>A list of mappings; each is an item of its own, or a part of this one.</summary>
    public IEnumerable<MapReader> Maps(string key, string what, bool asItems = false)
    {
        switch (Raw(key))
        {
            case null:
                yield break;
            case WrittenList list:
                for (var i = 0; i < list.Items.Length; i++)
                {
                    if (list.Items[i] is not WrittenMap map)
                    {
                        Wrong(list.Items[i], key, "a list of mappings");
                    }
                    else if (asItems)
                    {
                        yield return new MapReader(map, _context, what);
                    }
                    else
                    {
                        _context.Positions.Add(Item, $"{_path}{key}[{i}]", map.Position);
                        yield return new MapReader(map, _context, what, Item, $"{_path}{key}[{i}].");
                    }
                }

                break;
            case var other:
                Wrong(other, key, "a list");
                break;
        }
    }

    /// <summary>A reference as a bare name or as a mapping with a name and more; null if nothing is written.</summary>
    public T? Reference<T>(string key, string what, Func<string, T> bare, Func<MapReader, T> full) where T : class
    {
        switch (Raw(key))
        {
            case null:
                return null;
            case WrittenScalar scalar:
                return bare(scalar.Value);
            default:
                return Map(key, what) is { } map ? Finish(map, full) : null;
        }
    }

    /// <summary>A list of references, each a bare name or a mapping.</summary>
    public ImmutableArray<T> References<T>(string key, string what, Func<string, T> bare, Func<MapReader, T> full)
    {
        if (Raw(key) is not WrittenList list)
        {
            return Raw(key) switch
            {
                null => [],
                WrittenScalar scalar => [bare(scalar.Value)],
                _ => Map(key, what) is { } map ? [Finish(map, full)] : [],
            };
        }

        var references = ImmutableArray.CreateBuilder<T>();
        for (var i = 0; i < list.Items.Length; i++)
        {
            _context.Positions.Add(Item, $"{_path}{key}[{i}]", list.Items[i].Position);
            switch (list.Items[i])
            {
                case WrittenScalar { IsNull: false } scalar:
                    references.Add(bare(scalar.Value));
                    break;
                case WrittenMap map:
                    references.Add(Finish(new MapReader(map, _context, what, Item, $"{_path}{key}[{i}]."), full));
                    break;
                case var other:
                    Wrong(other, key, "a list of names");
                    break;
            }
        }

        return references.ToImmutable();
    }

    /// <summary>Reports every key that was not asked for.</summary>
    public void Done()
    {
        foreach (var (key, _) in _map.Entries.Where(e => !_known.Contains(e.Key.Value)))
        {
            _context.Report(ModelCode.UnknownKey, $"{Article(_what)} has no key '{Short(key.Value)}'.", key.Position, _context.Suggest(key.Value, _known));
        }
    }

    private static T Finish<T>(MapReader map, Func<MapReader, T> read)
    {
        var value = read(map);
        map.Done();
        return value;
    }

    private T? Scalar<T>(string key, string expected, Func<string, T?> read) where T : struct
    {
        if (Text(key) is not { } text)
        {
            return null;
        }

        var value = read(text.Trim());
        if (value is null)
        {
            Report(ModelCode.BadValue, $"'{key}' must be {expected} and not '{Short(text)}'.", key);
        }

        return value;
    }

    private void Wrong(Written written, string key, string expected) =>
        _context.Report(ModelCode.BadValue, $"'{key}' must be {expected} and not {written.Kind}.", written.Position);

    private T? Wrong<T>(Written written, string key, string expected) where T : class
    {
        Wrong(written, key, expected);
        return null;
    }

    private static string Short(string text) => text.Length > 60 ? text[..60] + "…" : text;

    private static string Article(string what) => (what[0] is 'a' or 'e' or 'i' or 'o' or 'u' ? "An " : "A ") + what;
}
