using System.Collections.Concurrent;
using System.Text.Json;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>A table as a statement names it.</summary>
/// <param name="Name">With its schema, if it is given.</param>
/// <param name="MayBeCte">Whether the statement has a WITH of this name.</param>
internal readonly record struct TableName(string Name, bool MayBeCte);

/// <summary>Which tables statements name, read by the engine's own parser and remembered.</summary>
internal sealed class StatementTables
{
    private readonly ConcurrentDictionary<string, IReadOnlyList<TableName>> _names = new();

    /// <param name="session">Any session.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="key">A text that statements with the same tables may share.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LakeException">The text is no single SELECT.</exception>
    public async Task<IReadOnlyList<TableName>> OfAsync(DuckDbSession session, string sql, string key, CancellationToken cancellationToken)
    {
        if (!_names.TryGetValue(key, out var names))
        {
            if (_names.Count >= 1000)
            {
                _names.Clear();
            }

            names = await ReadAsync(session, sql, cancellationToken);
            _names[key] = names;
        }

        return names;
    }

    private static async Task<IReadOnlyList<TableName>> ReadAsync(DuckDbSession session, string sql, CancellationToken cancellationToken)
    {
        var json = await session.QueryAsync(
            new SqlStatement("SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR)", [sql]),
            reader => reader.Read() ? reader.GetString(0) : "",
            cancellationToken);
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 1000 });
        var root = document.RootElement;
        if (root.GetProperty("error").GetBoolean())
        {
            throw new LakeException($"The lake cannot read the statement: {root.GetProperty("error_message").GetString()}", isTransient: false);
        }

        var statements = root.GetProperty("statements");
        if (statements.GetArrayLength() != 1)
        {
            throw new LakeException("The lake takes one SELECT at a time.", isTransient: false);
        }

        HashSet<string> tables = new(StringComparer.OrdinalIgnoreCase);
        HashSet<string> ctes = new(StringComparer.OrdinalIgnoreCase);
        Collect(statements, tables, ctes);
        return [.. tables.Select(table => new TableName(table, ctes.Contains(table)))];
    }

    private static void Collect(JsonElement element, HashSet<string> tables, HashSet<string> ctes)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Collect(item, tables, ctes);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            if (element.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("BASE_TABLE"))
            {
                var schema = element.GetProperty("schema_name").GetString();
                var name = element.GetProperty("table_name").GetString();
                tables.Add(string.IsNullOrEmpty(schema) ? name! : schema + "." + name);
            }

            foreach (var property in element.EnumerateObject())
            {
                if (property.NameEquals("cte_map") && property.Value.TryGetProperty("map", out var map))
                {
                    ctes.UnionWith(map.EnumerateArray().Select(item => item.GetProperty("key").GetString()!));
                }

                Collect(property.Value, tables, ctes);
            }
        }
    }
}
