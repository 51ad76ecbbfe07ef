using System.Text.Json.Nodes;

namespace Write.DataPlatform.AthenaStandIn;

/// <summary>The tables there are, as folders of Parquet files; looked up anew for every statement.</summary>
internal sealed class Catalog(string lakePath, IReadOnlyList<string> databases)
{
    public const string Default = "default";

    public IEnumerable<string> Databases => databases.Prepend(Default);

    /// <summary>A table's files, or null if there is no such table.</summary>
    public CatalogTable? Find(string database, string table)
    {
        if (FolderOf(database) is not { } folder)
        {
            return null;
        }

        var path = Path.Combine(folder, table);
        string[] files = Directory.Exists(path) && !(database == Default && databases.Contains(table))
            ? [.. Directory.EnumerateFiles(path, "*.parquet", SearchOption.AllDirectories).Order(StringComparer.Ordinal)]
            : File.Exists(path + ".parquet") ? [path + ".parquet"] : [];
        return files.Length == 0 ? null : new CatalogTable(database, table, files, [.. PartitionsOf(Path.GetRelativePath(folder, files[0]))]);
    }

    public bool HasDatabase(string database) => FolderOf(database) is not null;

    public IEnumerable<string> Tables(string database) => FolderOf(database) is not { } folder ? [] :
        Directory.EnumerateFileSystemEntries(folder).Select(e => Path.GetFileName(e)).Where(e => !e.StartsWith('.') && !e.StartsWith('_'))
            .Select(e => e.EndsWith(".parquet", StringComparison.Ordinal) ? e[..^".parquet".Length] : e)
            .Distinct().Where(e => Find(database, e) is not null).Order(StringComparer.Ordinal);

    public static JsonObject Describe(CatalogTable table, IEnumerable<(string Name, string Type)> columns)
    {
        JsonNode Column((string Name, string Type) column) => new JsonObject { ["Name"] = column.Name.ToLowerInvariant(), ["Type"] = AthenaTypes.Hive(column.Type) };
        var all = columns.ToList();
        bool IsPartition((string Name, string Type) column) => table.Partitions.Contains(column.Name, StringComparer.OrdinalIgnoreCase);
        return new JsonObject
        {
            ["Name"] = table.Name,
            ["CreateTime"] = new DateTimeOffset(File.GetCreationTimeUtc(table.Files[0])).ToUnixTimeSeconds(),
            ["TableType"] = "EXTERNAL_TABLE",
            ["Columns"] = new JsonArray([.. all.Where(c => !IsPartition(c)).Select(Column)]),
            ["PartitionKeys"] = new JsonArray([.. all.Where(IsPartition).Select(Column)]),
            ["Parameters"] = new JsonObject { ["EXTERNAL"] = "TRUE", ["classification"] = "parquet" },
        };
    }

    private string? FolderOf(string database) =>
        database == Default ? lakePath : databases.Contains(database) ? Path.Combine(lakePath, database) : null;

    private static IEnumerable<string> PartitionsOf(string path) =>
        path.Replace('\\', '/').Split('/')[..^1].Where(p => p.Contains('=')).Select(p => p[..p.IndexOf('=', StringComparison.Ordinal)]);
}

/// <summary>A table's files.</summary>
/// <param name="Database">The database.</param>
/// <param name="Name">The table.</param>
/// <param name="Files">Their paths.</param>
/// <param name="Partitions">The columns that folders are named by.</param>
internal sealed record CatalogTable(string Database, string Name, string[] Files, string[] Partitions)
{
    public long Bytes => Files.Sum(f => new FileInfo(f).Length);

    public string View => $"{Quote(Database)}.{Quote(Name)}";

    public static string Quote(string identifier) => "\"" + identifier.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
}
