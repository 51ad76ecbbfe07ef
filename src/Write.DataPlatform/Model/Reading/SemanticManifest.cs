using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>
/// dbt's <c>semantic_manifest.json</c>, which has the same vocabulary as the YAML it was made of, with everything written out: empty values, what follows from
/// other values, and conditions and periods in parts. Brings it back to the form of the YAML.
/// </summary>
internal static class SemanticManifest
{
    /// <summary>The name that dbt gives the file.</summary>
    public const string FileName = "semantic_manifest.json";

    // They follow from what stands beside them, or say where dbt found it.
    private static readonly string[] Derived = ["metadata", "input_measures", "input_metrics", "metric_refs"];

    /// <summary>Whether a file is one.</summary>
    public static bool Is(string path) => Path.GetFileName(path) == FileName;

    /// <summary>A document of the file as YAML would have it.</summary>
    public static Written AsYaml(Written document) => Cleaned(document) is WrittenMap map ? new ManifestMeasures(map).Document : Cleaned(document);

    private static Written Cleaned(Written value) => value switch
    {
        WrittenMap map => OfMap(map),
        WrittenList list => list with { Items = [.. list.Items.Select(Cleaned)] },
        _ => value,
    };

    private static Written OfMap(WrittenMap map)
    {
        if (map.Find("where_filters") is WrittenList filters && map.Entries.Length == 1)
        {
            return filters with { Items = [.. filters.Items.Select(f => f is WrittenMap one && one.Find("where_sql_template") is { } text ? text : f)] };
        }

        if (map.Entries.Length == 2 && map.Find("count") is WrittenScalar count && map.Find("granularity") is WrittenScalar grain)
        {
            return count with { Value = $"{count.Value} {grain.Value}", IsPlain = false };
        }

        var entries = ImmutableArray.CreateBuilder<(WrittenScalar, Written)>();
        foreach (var (key, value) in map.Entries)
        {
            var kept = Cleaned(value);
            if (!Derived.Contains(key.Value) && kept is not (WrittenScalar { IsNull: true } or WrittenList { Items.IsEmpty: true } or WrittenMap { Entries.IsEmpty: true }))
            {
                // The database is the connection's, as with node_relation.
                entries.Add((key, key.Value == "location" && kept is WrittenScalar table ? table with { Value = string.Join('.', table.Value.Split('.').TakeLast(2)) } : kept));
            }
        }

        return map with { Entries = entries.ToImmutable() };
    }
}
