using CsCheck;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Gold;

public sealed class SegmentWriterTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("narrow, no entropy", "SELECT DATE '2026-01-01' + (i // 9000)::INTEGER AS bucket, i % 7 AS a FROM range(1000000) t(i) ORDER BY bucket, a")]
    [InlineData("narrow, all entropy", "SELECT DATE '2026-01-01' + (i // 9000)::INTEGER AS bucket, hash(i)::DOUBLE AS a, hash(i + 1)::DOUBLE AS b FROM range(300000) t(i) ORDER BY bucket, a")]
    [InlineData("long strings", "SELECT TIMESTAMP '2026-01-01' + INTERVAL (i // 3) HOUR AS bucket, repeat(md5(i::VARCHAR), 1 + (i % 20)::INTEGER) || md5((i * 7)::VARCHAR) AS s FROM range(20000) t(i) ORDER BY bucket, s")]
    [InlineData("very long strings", "SELECT DATE '2026-01-01' AS bucket, string_agg(md5((i * 10000 + j)::VARCHAR), '' ORDER BY j) AS s FROM range(30) t(i), range(6000) u(j) GROUP BY i ORDER BY bucket, s")]
    [InlineData("uneven", "SELECT DATE '2026-01-01' + (i // 1000)::INTEGER AS bucket, CASE WHEN i > 90000 THEN repeat(md5(i::VARCHAR), 3) || md5((i * 3)::VARCHAR) ELSE 'x' END AS s FROM range(100000) t(i) ORDER BY bucket, s")]
    public async Task SegmentsFitAndHoldTheRowsInOrder(string shape, string sql)
    {
        await using var gold = new GoldFixture();
        await using var session = await gold.Duck.OpenAsync(Cancel);
        using (var set = await gold.Writer.WriteAsync(session, sql, Cancel))
        {
            await AssertEqualAsync(session, sql, set);
            Assert.True(set.Segments.Length > 1 || shape == "narrow, no entropy");
            if (shape.StartsWith("narrow", StringComparison.Ordinal))
            {
                // Segments that are cut far too small would cost requests.
                Assert.InRange(set.Bytes / set.Segments.Length, set.Segments.Length == 1 ? 1 : 200_000, SegmentWriter.MaxBytes);
            }
        }

        Assert.Empty(Directory.EnumerateFiles(gold.TempPath, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task RandomTablesComeBackEqual()
    {
        await using var gold = new GoldFixture();
        await using var session = await gold.Duck.OpenAsync(Cancel);
        string[] expressions =
        [
            "md5((i * {0} + 1)::VARCHAR)",
            "CASE WHEN i % 3 = 0 THEN NULL ELSE 'ä\"''😀' || (i % {0}) END",
            "(i * 7919 * {0}) % 1000003",
            "CASE WHEN i % {0} = 1 THEN NULL ELSE i / 7.0::DOUBLE END",
            "(i % 1000)::DECIMAL(18,3) / {0}",
            "(hash(i * {0})::DOUBLE)",
            "i % {0} = 0",
            "DATE '1969-12-31' + (i % {0})::INTEGER",
            "TIMESTAMP '2026-03-29 01:30:00.123456' + INTERVAL (i * {0}) SECOND",
            "repeat('wide ' || md5(i::VARCHAR), {0})",
        ];
        var column = Gen.Int[0, expressions.Length - 1].Select(number => expressions[number]);
        var table = Gen.Select(Gen.Select(column, Gen.Int[2, 60]).Array[0, 7], Gen.Int[0, 9000], Gen.Int[1, 400], Gen.Bool);
        await table.SampleAsync(
            async shape =>
            {
                var (columns, rows, perBucket, hours) = shape;
                var bucket = hours ? $"TIMESTAMP '2026-01-01' + INTERVAL (i // {perBucket}) HOUR" : $"DATE '2026-01-01' + (i // {perBucket})::INTEGER";
                var list = string.Concat(columns.Select((item, number) =>
                {
                    var expression = string.Format(System.Globalization.CultureInfo.InvariantCulture, item.Item1, item.Item2);
                    return $", ({expression})::{(expression.Contains("DECIMAL", StringComparison.Ordinal) ? "DECIMAL(18,3)" : $"{Type(expression)}")} AS \"c {number}\"";
                }));
                var sql = $"SELECT {bucket} AS bucket{list} FROM range({rows}) t(i) ORDER BY bucket";
                using var set = await gold.Writer.WriteAsync(session, sql, Cancel);
                await AssertEqualAsync(session, sql, set);
            },
            iter: 40,
            threads: 1);
    }

    [Fact]
    public async Task NoRowsGiveOneSegmentThatTellsTheColumns()
    {
        await using var gold = new GoldFixture();
        await using var session = await gold.Duck.OpenAsync(Cancel);
        using var set = await gold.Writer.WriteAsync(session, "SELECT DATE '2026-01-01' AS bucket, 1::DECIMAL(9,2) AS d, 'x' AS s WHERE false", Cancel);
        var segment = Assert.Single(set.Segments);
        Assert.Equal((0L, DateTime.MaxValue, DateTime.MinValue), (segment.Rows, segment.MinTime, segment.MaxTime));
        Assert.Equal([new("bucket", new(ColumnKind.Date)), new("d", new(ColumnKind.Decimal, 9, 2)), new("s", new(ColumnKind.String))], set.Columns);
    }

    [Fact]
    public async Task WhatGoldCannotKeepIsRefusedAndLeavesNothing()
    {
        await using var gold = new GoldFixture();
        await using var session = await gold.Duck.OpenAsync(Cancel);
        var types = await Assert.ThrowsAsync<InvalidOperationException>(() => gold.Writer.WriteAsync(session, "SELECT 'x' AS b, 1::HUGEINT AS h, [1] AS l, 1::BIGINT AS ok", Cancel));
        Assert.Contains("the first column is b VARCHAR", types.Message, StringComparison.Ordinal);
        Assert.Contains("h is HUGEINT", types.Message, StringComparison.Ordinal);
        Assert.Contains("l is INTEGER[]", types.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ok is", types.Message, StringComparison.Ordinal);
        Assert.Contains("null bucket", (await Assert.ThrowsAsync<InvalidOperationException>(() => gold.Writer.WriteAsync(session, "SELECT NULL::DATE AS bucket", Cancel))).Message, StringComparison.Ordinal);
        Assert.Contains("not ordered", (await Assert.ThrowsAsync<InvalidOperationException>(() => gold.Writer.WriteAsync(session, "SELECT DATE '2026-01-01' - (i // 10000)::INTEGER AS bucket, hash(i)::DOUBLE AS h FROM range(200000) t(i)", Cancel))).Message, StringComparison.Ordinal);
        var large = await Assert.ThrowsAsync<GoldStoreException>(() => gold.Writer.WriteAsync(
            session, "SELECT DATE '2026-01-01' AS bucket, string_agg(md5(i::VARCHAR || j), '' ORDER BY i) AS s FROM range(40000) t(i), range(3) u(j) GROUP BY j ORDER BY bucket", Cancel));
        Assert.Contains("larger than a segment", large.Message, StringComparison.Ordinal);
        using var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gold.Writer.WriteAsync(session, "SELECT DATE '2026-01-01' AS bucket, md5((i * j)::VARCHAR) AS s FROM range(100000) t(i), range(100000) u(j) ORDER BY bucket, s", cancelled.Token));
        Assert.Empty(Directory.EnumerateFiles(gold.TempPath, "*", SearchOption.AllDirectories));
    }

    private static string Type(string expression) => expression switch
    {
        _ when expression.StartsWith("md5", StringComparison.Ordinal) || expression.Contains("'ä", StringComparison.Ordinal) || expression.StartsWith("repeat", StringComparison.Ordinal) => "VARCHAR",
        _ when expression.Contains("DOUBLE", StringComparison.Ordinal) => "DOUBLE",
        _ when expression.StartsWith("DATE", StringComparison.Ordinal) => "DATE",
        _ when expression.StartsWith("TIMESTAMP", StringComparison.Ordinal) => "TIMESTAMP",
        _ when expression.EndsWith("= 0", StringComparison.Ordinal) => "BOOLEAN",
        _ => "BIGINT",
    };

    private static async Task AssertEqualAsync(DuckDbSession session, string sql, SegmentSet set)
    {
        Assert.All(set.Segments, segment => Assert.InRange(segment.Bytes, 1, SegmentWriter.MaxBytes));
        Assert.All(set.Segments, segment => Assert.Equal(new FileInfo(segment.Path).Length, segment.Bytes));
        var files = $"read_parquet({GoldColumns.Files(set.Segments.Select(segment => segment.Path))})";
        Assert.Equal(set.Rows, await session.ScalarAsync<long>($"SELECT count(*) FROM ({sql})", Cancel));

        // Equal as multisets, in both directions.
        Assert.Equal(0, await session.ScalarAsync<long>($"SELECT count(*) FROM (SELECT * FROM ({sql}) EXCEPT ALL SELECT * FROM {files})", Cancel));
        Assert.Equal(0, await session.ScalarAsync<long>($"SELECT count(*) FROM (SELECT * FROM {files} EXCEPT ALL SELECT * FROM ({sql}))", Cancel));
        Assert.Equal(
            await session.QueryAsync(new SqlStatement($"DESCRIBE {sql}"), Types, Cancel), await session.QueryAsync(new SqlStatement($"DESCRIBE SELECT * FROM {files}"), Types, Cancel));

        // Every file is what its entry says, and rows are in order in it and from one to the next.
        DateTime last = DateTime.MinValue;
        foreach (var segment in set.Segments)
        {
            var buckets = await session.QueryAsync(
                new SqlStatement($"SELECT bucket::TIMESTAMP FROM read_parquet('{segment.Path}', file_row_number = true) ORDER BY file_row_number"),
                reader =>
                {
                    var found = new List<DateTime>();
                    while (reader.Read())
                    {
                        found.Add(reader.GetDateTime(0));
                    }

                    return found;
                },
                Cancel);
            Assert.Equal(segment.Rows, buckets.Count);
            if (buckets.Count > 0)
            {
                Assert.Equal((segment.MinTime, segment.MaxTime), (buckets[0], buckets[^1]));
                Assert.True(buckets[0] >= last && buckets.SequenceEqual(buckets.Order()));
                last = buckets[^1];
            }
        }
    }

    private static List<string> Types(System.Data.Common.DbDataReader reader)
    {
        var found = new List<string>();
        while (reader.Read())
        {
            found.Add($"{reader.GetString(0)} {reader.GetString(1)}");
        }

        return found;
    }
}
