using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Importing;

/// <summary>A mapping of a Cube file, read key by key: what nobody asked for is told as lost.</summary>
/// <param name="map">The mapping.</param>
/// <param name="name">What it is, for notes.</param>
/// <param name="notes">Takes the notes.</param>
internal sealed class CubeMap(WrittenMap map, string name, ICollection<ImportNote> notes)
{
    // Of the user interface or of Cube's own process; no number depends on them.
    private static readonly string[] Unread = ["drill_members", "drill_member_groups", "meta", "indexes", "scheduled_refresh", "external", "data_source", "sql_alias", "context_members"];

    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public string Name => name;

    public SourcePosition Position => map.Position;

    public Written? Raw(string key)
    {
        _asked.Add(key);
        return map.Entries.FirstOrDefault(e => e.Key.Value == key || Snake(e.Key.Value) == key).Value is { } value and not WrittenScalar { IsNull: true } ? value : null;
    }

    public string? Text(string key) => Raw(key) switch
    {
        null => null,
        WrittenScalar scalar => scalar.Value,
        var other => Wrong(key, other),
    };

    public bool? Flag(string key) => Text(key)?.ToLowerInvariant() switch
    {
        null => null,
        "true" or "yes" => true,
        _ => false,
    };

    /// <summary>A list of texts, or one text.</summary>
    public List<string> Texts(string key) => Raw(key) switch
    {
        null => [],
        WrittenScalar scalar => [scalar.Value],
        // What is no text is a name that nothing has.
        WrittenList list => [.. list.Items.Select(i => i is WrittenScalar scalar ? scalar.Value : "")],
        var other => [Wrong(key, other) ?? ""],
    };

    /// <summary>Whether the key has a mapping, or is not written: what else it has would be taken for nothing.</summary>
    public bool IsMap(string key) => Raw(key) is null or WrittenMap;

    /// <summary>Whether the key has a list of mappings alone, or is not written.</summary>
    public bool IsMaps(string key) => Raw(key) is null || (Raw(key) is WrittenList list && list.Items.All(i => i is WrittenMap));

    public CubeMap? Map(string key) => Raw(key) is WrittenMap inner ? new CubeMap(inner, $"{name}.{key}", notes) : null;

    /// <summary>A list's mappings, each called by its name.</summary>
    public List<CubeMap> Maps(string key)
    {
        if (Raw(key) is not { } value)
        {
            return [];
        }

        if (value is not WrittenList list)
        {
            Wrong(key, value);
            return [];
        }

        var found = new List<CubeMap>();
        foreach (var item in list.Items)
        {
            if (item is WrittenMap inner)
            {
                var own = inner.Entries.FirstOrDefault(e => e.Key.Value == "name").Value is WrittenScalar scalar ? scalar.Value : key;
                found.Add(new CubeMap(inner, name.Length == 0 ? own : $"{name}.{own}", notes));
            }
            else
            {
                Lost($"one of its {key} is {item.Kind}");
            }
        }

        return found;
    }

    /// <summary>Says that all of it is left out.</summary>
    public void Lost(string why) => notes.Add(new ImportNote(true, name, $"It is left out: {why}.", map.Position));

    /// <summary>Says that it is not quite the same.</summary>
    public void Differs(string how) => notes.Add(new ImportNote(false, name, how, map.Position));

    /// <summary>Says which keys nobody asked for.</summary>
    public void Done()
    {
        foreach (var (key, value) in map.Entries.Where(e => !_asked.Contains(e.Key.Value) && !_asked.Contains(Snake(e.Key.Value))))
        {
            var told = Unread.Contains(Snake(key.Value)) ? $"Its '{key.Value}' has no meaning here." : $"Its '{key.Value}' has no equivalent and is left out.";
            notes.Add(new ImportNote(true, name, told, value.Position));
        }
    }

    /// <summary>A name as it must be here: <c>orderItems</c> becomes <c>order_items</c>.</summary>
    public static string Snake(string text) =>
        string.Concat(text.Select((c, i) => char.IsUpper(c) ? (i > 0 && text[i - 1] != '_' && !char.IsUpper(text[i - 1]) ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));

    private string? Wrong(string key, Written value)
    {
        notes.Add(new ImportNote(true, name, $"Its '{key}' is {value.Kind}, which cannot be read.", value.Position));
        return null;
    }
}
