using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using DuckDB.NET.Data;

namespace Write.DataPlatform.DuckDb;

/// <summary>The metric <c>dataplatform.duckdb.memory</c>: the bytes that the process's DuckDB databases hold in memory, by <c>database</c> and by <c>use</c>, a tag of DuckDB's <c>duckdb_memory()</c>.</summary>
/// <remarks>It is what DuckDB counts; what it takes from the C library without counting, or has let go of and the C library still keeps, is not in it.</remarks>
internal static class DuckDbMemory
{
    private static readonly ConcurrentDictionary<DuckDBConnection, string> Databases = new();

    static DuckDbMemory() => Telemetry.Meter.CreateObservableGauge("dataplatform.duckdb.memory", Measure, "By", "What a DuckDB database holds in memory, by what it is used for.");

    /// <summary>Measures a database from now on.</summary>
    /// <param name="root">Its first connection.</param>
    /// <param name="name">What it is called; several may be called the same.</param>
    public static void Watch(DuckDBConnection root, string name) => Databases[root] = name;

    /// <summary>Measures it no more. Once this has returned its connection can be closed.</summary>
    public static void Forget(DuckDBConnection root)
    {
        lock (root)
        {
            Databases.TryRemove(root, out _);
        }
    }

    private static IEnumerable<Measurement<long>> Measure()
    {
        var bytes = new SortedDictionary<(string Database, string Use), long>();
        foreach (var (root, name) in Databases)
        {
            lock (root)
            {
                try
                {
                    if (Databases.ContainsKey(root))
                    {
                        Add(root, name, bytes);
                    }
                }
                catch (DuckDBException)
                {
                    // One that cannot tell, since it is at its bound or broken, does not silence the others.
                }
            }
        }

        return bytes.Select(pair => new Measurement<long>(pair.Value, new("database", pair.Key.Database), new("use", pair.Key.Use)));
    }

    private static void Add(DuckDBConnection root, string name, SortedDictionary<(string Database, string Use), long> bytes)
    {
        using var connection = root.Duplicate();
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT lower(tag), memory_usage_bytes::BIGINT FROM duckdb_memory()";
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var key = (name, reader.GetString(0));
            bytes[key] = bytes.GetValueOrDefault(key) + reader.GetInt64(1);
        }
    }
}
