using System.Globalization;
using DuckDB.NET.Data;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests.Sample;

/// <summary>A sample lake in a temporary folder with its tables as views, made once for all tests that only read it.</summary>
public sealed class SampleFixture : IAsyncLifetime
{
    internal static readonly DateOnly EndDate = new(2026, 3, 15);

    private readonly string _folder = Directory.CreateTempSubdirectory("sample-").FullName;

    internal string Lake => Path.Combine(_folder, "lake");

    public async ValueTask InitializeAsync() =>
        await new SampleLake().GenerateAsync(new SampleOptions { Directory = Lake, EndDate = EndDate, Rows = 200_000 });

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    internal object? Scalar(string sql) => Rows(sql)[0][0];

    internal double Number(string sql) => Convert.ToDouble(Scalar(sql), CultureInfo.InvariantCulture);

    internal List<object?[]> Rows(string sql) => Rows(Lake, sql);

    internal static List<object?[]> Rows(string lake, string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();

        // Each view reads the footers of its files at once, so only those the query names are made.
        foreach (var table in new[] { "visits", "page_views", "watches", "steps", "visitors" }.Where(t => sql.Contains(t, StringComparison.Ordinal)))
        {
            command.CommandText = $"CREATE VIEW {table} AS SELECT * FROM read_parquet('{lake}/{table}/**/*.parquet', filename = true, file_row_number = true)";
            command.ExecuteNonQuery();
        }

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
