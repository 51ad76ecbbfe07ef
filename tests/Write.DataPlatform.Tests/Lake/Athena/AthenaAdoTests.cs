using System.Data;
using System.Data.Common;
using Dapper;
using Write.DataPlatform.Lake.Athena.Ado;

namespace Write.DataPlatform.Tests.Lake.Athena;

public sealed class AthenaAdoTests
{
    private static readonly (string, string, int, int)[] Columns =
    [
        ("id", "integer", 10, 0), ("name", "varchar", 0, 0), ("price", "decimal", 10, 2), ("at", "timestamp", 3, 0), ("ok", "boolean", 0, 0), ("x", "double", 17, 0), ("day", "date", 0, 0), ("tags", "array", 0, 0),
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dapper_reads_rows_and_its_values_are_literals()
    {
        await using var world = await AthenaWorld.StartAsync();
        var asked = "";
        world.Athena.Query = sql =>
        {
            asked = sql;
            return new FakeQuery { Columns = Columns, Rows = [.. Enumerable.Range(0, 2_500).Select(i => new[] { i.ToString(System.Globalization.CultureInfo.InvariantCulture), i % 2 == 0 ? null : "n'" + i, "1.50", "2026-01-31 10:11:12.123", "true", "NaN", "2026-01-31", "[1, 2]" })] };
        };
        await using var connection = await new AthenaDataSource(world.Queries, world.Options).OpenConnectionAsync(Cancel);
        var rows = (await world.PassAsync(connection.QueryAsync<Visit>("SELECT * FROM t WHERE name = ?name? AND id > ?id? -- ok?", new { id = 5, name = "O'Brien' OR 1=1 --" }))).AsList();
        Assert.Equal("SELECT * FROM t WHERE name = 'O''Brien'' OR 1=1 --' AND id > BIGINT '5' -- ok?", asked);
        Assert.Equal(2_500, rows.Count);
        Assert.Equal((1, "n'1", 1.50m, new DateTime(2026, 1, 31, 10, 11, 12, 123, DateTimeKind.Utc), true, "[1, 2]"), (rows[1].Id, rows[1].Name, rows[1].Price, rows[1].At, rows[1].Ok, rows[1].Tags));
        Assert.Equal((null, double.NaN), (rows[0].Name, rows[0].X));
        Assert.Equal(2L, await world.PassAsync(connection.ExecuteScalarAsync<long>("SELECT 2", null)) + 2); // the first column of the first row
    }

    [Fact]
    public async Task A_reader_describes_its_columns_and_reads_by_type()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { Columns = Columns, Rows = [["7", null, "1.50", "2026-01-31 10:11:12.123", "true", "1.5", "2026-01-31", "[1]"]] };
        await using var connection = await new AthenaDataSource(world.Queries, world.Options).OpenConnectionAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT * FROM t";
        var reader = await world.PassAsync(command.ExecuteReaderAsync(CommandBehavior.CloseConnection, Cancel));
        Assert.Equal((true, 8, "price", "decimal(10,2)", typeof(decimal)), (reader.HasRows, reader.FieldCount, reader.GetName(2), reader.GetDataTypeName(2), reader.GetFieldType(2)));
        Assert.Throws<InvalidOperationException>(() => reader.GetValue(0));
        Assert.True(reader.Read());
        Assert.Equal((7, 7L, (short)7, 7m), (reader.GetInt32(0), reader.GetInt64(0), reader.GetInt16(0), reader.GetDecimal(0)));
        Assert.True(reader.IsDBNull(1));
        Assert.Throws<InvalidCastException>(() => reader.GetString(1));
        Assert.Equal((1.5m, 1.5, true, new DateOnly(2026, 1, 31)), (reader.GetDecimal(2), reader.GetDouble(5), reader.GetBoolean(4), reader.GetFieldValue<DateOnly>(6)));
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 10, 11, 12, 123, TimeSpan.Zero), reader.GetFieldValue<DateTimeOffset>(reader.GetOrdinal("AT")));
        Assert.Equal("[1]", reader["tags"]);
        var schema = reader.GetSchemaTable()!;
        Assert.Equal(("price", 2, (object)10, (object)2), ((string)schema.Rows[2]["ColumnName"], (int)schema.Rows[2]["ColumnOrdinal"], schema.Rows[2]["NumericPrecision"], schema.Rows[2]["NumericScale"]));
        Assert.Equal([typeof(long), typeof(string), typeof(decimal), typeof(DateTime), typeof(bool), typeof(double), typeof(DateOnly), typeof(string)], (await reader.GetColumnSchemaAsync(Cancel)).Select(column => column.DataType!));
        Assert.False(reader.Read());
        Assert.False(reader.NextResult());
        await reader.DisposeAsync();
        Assert.Equal((true, ConnectionState.Closed), (reader.IsClosed, connection.State));
        await Assert.ThrowsAsync<InvalidOperationException>(() => command.ExecuteReaderAsync(Cancel));
    }

    [Fact]
    public async Task A_timeout_and_Cancel_stop_the_query()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING"] };
        await using var connection = await new AthenaDataSource(world.Queries, world.Options).OpenConnectionAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT 1";
        command.CommandTimeout = 30;
        var late = await Assert.ThrowsAsync<AthenaException>(() => world.PassAsync(command.ExecuteScalarAsync(Cancel)));
        Assert.Contains("00:00:30", late.Message, StringComparison.Ordinal);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("StopQueryExecution") == 1);

        var polls = world.Athena.Count("GetQueryExecution");
        var running = command.ExecuteScalarAsync(Cancel);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("GetQueryExecution") > polls);
        command.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.PassAsync(running));
        await AthenaWorld.UntilAsync(() => world.Athena.Count("StopQueryExecution") == 2);
        command.Cancel();
    }

    [Fact]
    public async Task Failures_are_database_exceptions()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { States = ["FAILED"], Reason = "SYNTAX_ERROR: line 1:8" };
        await using var connection = await new AthenaDataSource(world.Queries, world.Options).OpenConnectionAsync(Cancel);
        DbException error = await Assert.ThrowsAsync<AthenaException>(() => world.PassAsync(connection.QueryAsync("SELECT nope")));
        Assert.Contains("SYNTAX_ERROR", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
        Assert.Throws<NotSupportedException>(() => connection.BeginTransaction());
    }

    private sealed class Visit
    {
        public int Id { get; set; }

        public string? Name { get; set; }

        public decimal Price { get; set; }

        public DateTime At { get; set; }

        public bool Ok { get; set; }

        public double X { get; set; }

        public string Tags { get; set; } = "";
    }
}
