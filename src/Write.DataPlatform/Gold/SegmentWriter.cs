using System.Collections.Immutable;
using System.Globalization;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Gold;

/// <summary>Turns a query's rows into segments: zstd Parquet files that each fit one item.</summary>
/// <remarks>
/// All rows are first written to one file, in order and by all threads; most partitions fit and are done. A larger one is cut in pieces of the number of rows
/// that its own bytes a row allow, by an instance with one thread: with more, DuckDB mixes row groups of distant times into one file.
/// </remarks>
internal sealed class SegmentWriter : IAsyncDisposable
{
    /// <summary>The largest segment, in bytes.</summary>
    public const int MaxBytes = 350_000;

    private const int TargetBytes = 310_000;
    private const int VectorRows = 2048;
    private const string Parquet = "FORMAT parquet, COMPRESSION zstd, WRITE_BLOOM_FILTER false";

    private readonly GoldTempFolder _temp;
    private readonly Lazy<DuckDbInstance> _cutter;

    public SegmentWriter(GoldTempFolder temp)
    {
        _temp = temp;
        _cutter = new Lazy<DuckDbInstance>(() => new DuckDbInstance(new DuckDbSettings { Name = "segments", Threads = 1, MaxSessions = Environment.ProcessorCount, MemoryMegabytes = 512 }));
    }

    /// <summary>Runs a SELECT, which orders its rows by <c>bucket</c>, its first column, first of all, and leaves its rows as segments in temporary files.</summary>
    /// <param name="session">Where the query runs.</param>
    /// <param name="sql">The SELECT.</param>
    /// <param name="cancellationToken">Ends the work and leaves nothing.</param>
    /// <returns>The segments; one without rows, which tells the columns, if there are no rows. Dispose it to delete the files.</returns>
    /// <exception cref="InvalidOperationException">Gold cannot keep the columns, a bucket is null, or the rows are not in order.</exception>
    /// <exception cref="GoldStoreException">A single row is larger than a segment.</exception>
    /// <exception cref="DuckDBException">The query failed.</exception>
    public async Task<SegmentSet> WriteAsync(DuckDbSession session, string sql, CancellationToken cancellationToken = default)
    {
        var columns = await GoldColumns.DescribeAsync(session, sql, cancellationToken);
        var folder = _temp.Create();
        try
        {
            var whole = Path.Combine(folder, "rows.parquet");
            await session.ExecuteAsync($"COPY ({sql}) TO {GoldColumns.Literal(whole)} ({Parquet})", cancellationToken);
            await using var cutter = await _cutter.Value.OpenAsync(cancellationToken);
            var files = new List<string>();
            await FitAsync(cutter, whole, files, cancellationToken);
            return new SegmentSet(folder, columns, await MeasureAsync(cutter, files, columns[0].Type.Kind, cancellationToken));
        }
        catch
        {
            ProcessFolder.Delete(folder);
            throw;
        }
    }

    public ValueTask DisposeAsync() => _cutter.IsValueCreated ? _cutter.Value.DisposeAsync() : ValueTask.CompletedTask;

    private static async Task FitAsync(DuckDbSession cutter, string file, List<string> fitting, CancellationToken cancellationToken)
    {
        var bytes = new FileInfo(file).Length;
        if (bytes <= MaxBytes)
        {
            fitting.Add(file);
            return;
        }

        var rows = await cutter.ScalarAsync<long>($"SELECT count(*) FROM read_parquet({GoldColumns.Literal(file)})", cancellationToken);
        if (rows <= 1)
        {
            throw new GoldStoreException($"A row of {bytes} bytes is larger than a segment may be ({MaxBytes}). Shorten its text columns.", isTransient: false);
        }

        // Fewer than half of them at most, so that every round gets nearer.
        var each = Math.Max(1, Math.Min((rows + 1) / 2, rows * TargetBytes / bytes));
        foreach (var piece in each >= VectorRows ? await CutByGroupsAsync(cutter, file, each, cancellationToken) : await CutByRowsAsync(cutter, file, rows, each, cancellationToken))
        {
            await FitAsync(cutter, piece, fitting, cancellationToken);
        }

        File.Delete(file);
    }

    private static async Task<IReadOnlyList<string>> CutByGroupsAsync(DuckDbSession cutter, string file, long rows, CancellationToken cancellationToken)
    {
        var folder = file + ".cut";
        await cutter.ExecuteAsync(
            $"COPY (FROM read_parquet({GoldColumns.Literal(file)})) TO {GoldColumns.Literal(folder)} ({Parquet}, ROW_GROUP_SIZE {rows / VectorRows * VectorRows}, ROW_GROUPS_PER_FILE 1, FILENAME_PATTERN 'cut_{{i}}')",
            cancellationToken);
        return [.. Directory.GetFiles(folder).OrderBy(path => int.Parse(Path.GetFileNameWithoutExtension(path).AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture))];
    }

    private static async Task<IReadOnlyList<string>> CutByRowsAsync(DuckDbSession cutter, string file, long rows, long each, CancellationToken cancellationToken)
    {
        var pieces = new List<string>();
        for (var from = 0L; from < rows; from += each)
        {
            pieces.Add($"{file}.{from}.parquet");
            await cutter.ExecuteAsync(
                $"COPY (SELECT * EXCLUDE (file_row_number) FROM read_parquet({GoldColumns.Literal(file)}, file_row_number = true) WHERE file_row_number >= {from} AND file_row_number < {from + each}) TO {GoldColumns.Literal(pieces[^1])} ({Parquet})",
                cancellationToken);
        }

        return pieces;
    }

    private static async Task<ImmutableArray<SegmentFile>> MeasureAsync(DuckDbSession session, List<string> files, ColumnKind kind, CancellationToken cancellationToken)
    {
        var measured = await session.QueryAsync(
            new SqlStatement(
                $"""
                SELECT file_index::BIGINT, count(*), count(bucket), min(bucket)::TIMESTAMP, max(bucket)::TIMESTAMP
                FROM read_parquet({GoldColumns.Files(files)}) GROUP BY ALL
                """),
            reader =>
            {
                var found = new Dictionary<long, SegmentFile>();
                while (reader.Read())
                {
                    var file = files[(int)reader.GetInt64(0)];
                    if (reader.GetInt64(1) != reader.GetInt64(2))
                    {
                        throw new InvalidOperationException("A row to be stored in gold has a null bucket.");
                    }

                    found.Add(reader.GetInt64(0), new SegmentFile(file, reader.GetInt64(1), (int)new FileInfo(file).Length, Time(reader.GetDateTime(3)), Time(reader.GetDateTime(4))));
                }

                return found;
            },
            cancellationToken);

        var segments = files.Select((file, number) => measured.GetValueOrDefault(number) ?? new SegmentFile(file, 0, (int)new FileInfo(file).Length, DateTime.MaxValue, DateTime.MinValue)).ToImmutableArray();
        for (var number = 1; number < segments.Length; number++)
        {
            if (segments[number].MinTime < segments[number - 1].MaxTime)
            {
                throw new InvalidOperationException($"The rows to be stored in gold are not ordered by {GoldColumns.Bucket}.");
            }
        }

        return segments;

        DateTime Time(DateTime value) => DateTime.SpecifyKind(value, kind == ColumnKind.Timestamp ? DateTimeKind.Utc : DateTimeKind.Unspecified);
    }
}

/// <summary>Segments in temporary files.</summary>
internal sealed class SegmentSet(string folder, ImmutableArray<ResultColumn> columns, ImmutableArray<SegmentFile> segments) : IDisposable
{
    /// <summary>The segments in order of time.</summary>
    public ImmutableArray<SegmentFile> Segments { get; } = segments;

    /// <summary>Their columns.</summary>
    public ImmutableArray<ResultColumn> Columns { get; } = columns;

    /// <summary>Rows in all segments.</summary>
    public long Rows => Segments.Sum(segment => segment.Rows);

    /// <summary>Bytes in all segments.</summary>
    public long Bytes => Segments.Sum(segment => (long)segment.Bytes);

    /// <summary>Deletes the files.</summary>
    public void Dispose() => ProcessFolder.Delete(folder);
}
