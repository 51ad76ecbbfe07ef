using System.Globalization;
using DuckDB.NET.Data;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests.Sample;

/// <summary>A sample lake in a temporary folder, loaded once for all tests that only read it.</summary>
public sealed class SampleFixture : IAsyncLifetime
{
    private static readonly string[] Tables = ["visits", "page_views", "watches", "steps", "visitors"];

    private readonly string _folder = Directory.CreateTempSubdirectory("sample-").FullName;
    private readonly DuckDBConnection _connection = new("DataSource=:memory:");

    internal string Lake => Path.Combine(_folder, "lake");

    public async ValueTask InitializeAsync()
    {
        await new SampleLake().GenerateAsync(new SampleOptions { Directory = Lake, EndDate = new DateOnly(2026, 3, 15), Rows = 200_000 });
        Load(_connection, Lake, "TABLE");
    }

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    internal object? Scalar(string sql) => Rows(sql)[0][0];

    internal double Number(string sql) => Convert.ToDouble(Scalar(sql), CultureInfo.InvariantCulture);

    internal List<object?[]> Rows(string sql) => Read(_connection, sql);

    /// <summary>The rows of a query over another lake than the fixture's.</summary>
    internal static List<object?[]> Rows(string lake, string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        Load(connection, lake, "VIEW");
        return Read(connection, sql);
    }

    private static void Load(DuckDBConnection connection, string lake, string kind)
    {
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = string.Concat(Tables.Select(table =>
            $"CREATE {kind} {table} AS SELECT * FROM read_parquet('{lake}/{table}/**/*.parquet', filename = true, file_row_number = true);"));
        command.ExecuteNonQuery();
    }

    private static List<object?[]> Read(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        }

        return rows;
    }
}

/// <summary>The tests that share the fixture.</summary>
[CollectionDefinition]
public sealed class SampleCollection : ICollectionFixture<SampleFixture>;
