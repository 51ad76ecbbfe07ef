using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>Writes a shard's events to the folder of the lake's table, so that the refresh sees them. A file is there whole or not at all, and its name says which records it has.</summary>
internal sealed class Landing(BatchRows rows, StreamPlan plan, ILake lake, LandingFolder folder, string shard, TimeSpan grace, TimeProvider time)
{
    /// <summary>From how many files of a day on they are made one.</summary>
    public const int CompactFiles = 60;

    private const int IdsAtOnce = 500;

    private const string HalfSuffix = ".landing";

    // Folders where files may be left to merge or to remove; null until they are looked for. And since when files are known to be another's too.
    private HashSet<string>? _unsettled;
    private readonly Dictionary<string, long> _coveredSince = new(StringComparer.Ordinal);

    // Names that start with a dot are no files of the lake.
    private string HalfPrefix => "." + LandedFile.Prefix(plan.Stream.Name, shard);

    /// <summary>Writes the rows of some records. Done again, it changes nothing.</summary>
    /// <param name="tables">The tables of the rows.</param>
    /// <param name="after">The record that the first one follows; null for the shard's start.</param>
    /// <param name="to">The last record.</param>
    /// <param name="afterRow">The number that the first row's follows.</param>
    /// <param name="toRow">The last row's number.</param>
    /// <param name="cancellationToken">Ends it; what is half done is done again next time.</param>
    /// <exception cref="IOException">The folder cannot be written, or is not there.</exception>
    /// <exception cref="LakeException">The lake could not say whether it has late events already.</exception>
    public async Task WriteAsync(IReadOnlyList<string> tables, SequenceNumber? after, SequenceNumber to, long afterRow, long toRow, CancellationToken cancellationToken = default)
    {
        var name = new LandedFile(plan.Stream.Name, shard, after is { } a ? Place(a) : null, Place(to)).Name;
        await DropKnownAsync(afterRow, toRow, cancellationToken);
        IReadOnlyList<string> all = [.. tables, BatchRows.LateTable];
        var partition = folder.PartitionExpression(plan.TimeColumn);
        foreach (var path in partition is null ? [""] : await rows.ValuesAsync(all, partition, afterRow, toRow, cancellationToken))
        {
            var directory = Path.Combine(folder.Path, path);
            var target = Path.Combine(directory, name);
            if (File.Exists(target) || IsCovered(directory, name))
            {
                continue;
            }

            PartitionFolder.Make(folder.Path, path);
            var columns = string.Join(", ", rows.Columns.Select(c => $"{BatchRows.LakeValue(c)} AS {GoldColumns.Quote(c.Name)}"));
            await MakeAsync(
                target,
                async file => await rows.CopyAsync(all, $"{columns}", partition is null ? null : $"{partition} = {GoldColumns.Literal(path)}", file, afterRow, toRow, cancellationToken) > 0);
            Unsettled().Add(directory);
        }

        lake.Forget(plan.Fact.Table);
        await rows.DeleteAsync(BatchRows.LateTable, string.Create(CultureInfo.InvariantCulture, $"{BatchRows.Number} <= {toRow}"), cancellationToken);
        foreach (var directory in Unsettled().ToList())
        {
            if (await CompactAsync(directory, cancellationToken))
            {
                _unsettled!.Remove(directory);
            }
        }
    }

    private HashSet<string> Unsettled()
    {
        if (_unsettled is null)
        {
            // What a holder before was at when it was killed.
            foreach (var half in Directory.GetFiles(folder.Path, HalfPrefix + "*" + HalfSuffix, SearchOption.AllDirectories))
            {
                File.Delete(half);
            }

            _unsettled = [.. Directory.EnumerateFiles(folder.Path, LandedFile.Prefix(plan.Stream.Name, shard) + "*.parquet", SearchOption.AllDirectories).Select(f => Path.GetDirectoryName(f)!)];
        }

        return _unsettled;
    }

    /// <summary>Makes one file of a directory's many: those of each day before today, and of today's once they are many. They are removed when no reader can have them listed any more.</summary>
    /// <returns>Whether nothing is left to merge or to remove, until something is written there.</returns>
    private async Task<bool> CompactAsync(string directory, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var files = new DirectoryInfo(directory).EnumerateFiles(LandedFile.Prefix(plan.Stream.Name, shard) + "*.parquet")
            .Select(file => (File: file, Name: LandedFile.TryParse(file.Name, out var name) ? name : null)).Where(f => f.Name is not null).ToList();
        var live = LandedFile.WithoutCovered(files, f => f.File.FullName).OrderBy(f => f.Name!.To).ToList();
        var covered = files.Except(live).ToList();
        foreach (var (file, _) in covered)
        {
            if (!_coveredSince.TryGetValue(file.FullName, out var since))
            {
                _coveredSince.Add(file.FullName, time.GetTimestamp());
            }
            else if (time.GetElapsedTime(since) > grace)
            {
                file.Delete();
                _coveredSince.Remove(file.FullName);
            }
        }

        // A file's name says that it has all between its ends: only neighbours in the shard's order become one.
        var isSettled = covered.Count == 0;
        for (var first = 0; first < live.Count;)
        {
            var day = live[first].File.LastWriteTimeUtc.Date;
            var merged = live.Skip(first).TakeWhile(f => f.File.LastWriteTimeUtc.Date == day).ToList();
            first += merged.Count;
            isSettled &= merged.Count == 1 && day < now.UtcDateTime.Date;
            if (merged.Count < (day < now.UtcDateTime.Date ? 2 : CompactFiles))
            {
                continue;
            }

            var target = Path.Combine(directory, (merged[^1].Name! with { From = merged[0].Name!.From }).Name);
            if (!File.Exists(target))
            {
                await MakeAsync(
                    target,
                    async file =>
                    {
                        await rows.MergeAsync(merged.Select(f => f.File.FullName), file, cancellationToken);

                        // It stays that day's.
                        File.SetLastWriteTimeUtc(file, merged[^1].File.LastWriteTimeUtc);
                        return true;
                    });
            }
        }

        return isSettled;
    }

    /// <summary>A file appears under its name when its bytes are on the disk.</summary>
    private async Task MakeAsync(string target, Func<string, Task<bool>> write)
    {
        var temporary = Path.Combine(Path.GetDirectoryName(target)!, $"{HalfPrefix}{Guid.NewGuid():N}{HalfSuffix}");
        try
        {
            if (await write(temporary))
            {
                using (var handle = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
                {
                    RandomAccess.FlushToDisk(handle);
                }

                File.Move(temporary, target, overwrite: true);
            }
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private bool IsCovered(string directory, string name) =>
        Directory.Exists(directory) && LandedFile.TryParse(name, out var wanted)
        && Directory.EnumerateFiles(directory, LandedFile.Prefix(plan.Stream.Name, shard) + "*.parquet")
            .Any(path => LandedFile.TryParse(Path.GetFileName(path), out var there) && wanted.IsWithin(there));

    /// <summary>Of late events, whose windows are forgotten, the lake itself says which it has.</summary>
    private async Task DropKnownAsync(long afterRow, long toRow, CancellationToken cancellationToken)
    {
        if (plan.IdColumn is not { } id)
        {
            return;
        }

        // As the lake has them: its types may write a value otherwise than it came.
        string Lake(string column) => BatchRows.LakeValue(rows.Columns.First(c => c.Name.Equals(column, StringComparison.OrdinalIgnoreCase)));
        var late = (await rows.ReadAsync(BatchRows.LateTable, [BatchRows.Number, Lake(id), $"CAST({Lake(plan.TimeColumn)} AS TIMESTAMP)"], afterRow, toRow, cancellationToken)).Where(r => r[1] is not null).ToList();
        if (late.Count == 0)
        {
            return;
        }

        // An event of another time is another event.
        var known = new HashSet<(string Id, string At)>();
        var dialect = lake.Dialect;
        var table = string.Join('.', plan.Fact.Table.Split('.').Select(dialect.Quote));
        var at = $"CAST({dialect.Quote(plan.TimeColumn)} AS TIMESTAMP)";
        var (first, last) = (late.Select(r => r[2]!).Min(StringComparer.Ordinal), late.Select(r => r[2]!).Max(StringComparer.Ordinal));
        // Another worker may have written files a moment ago.
        lake.Forget(plan.Fact.Table);
        if (await lake.DescribeAsync(plan.Fact.Table, cancellationToken) is not null)
        {
            foreach (var ids in late.Select(r => r[1]!).Distinct().Chunk(IdsAtOnce))
            {
                var statement = new SqlStatement(
                    $"SELECT DISTINCT CAST({dialect.Quote(id)} AS VARCHAR) AS id, CAST({at} AS VARCHAR) AS at FROM {table} WHERE {at} >= TIMESTAMP '{first}' AND {at} <= TIMESTAMP '{last}'"
                    + $" AND CAST({dialect.Quote(id)} AS VARCHAR) IN ({string.Join(", ", ids.Select(GoldColumns.Literal))})");
                await using var found = await lake.QueryAsync(statement, cancellationToken);
                await foreach (var row in found.ReadAsync(cancellationToken))
                {
                    known.Add(((string)row[0]!, (string)row[1]!));
                }
            }
        }

        var again = late.Where(r => !known.Add((r[1]!, r[2]!))).Select(r => r[0]!).ToList();
        foreach (var numbers in again.Chunk(1000))
        {
            await rows.DeleteAsync(BatchRows.LateTable, $"{BatchRows.Number} IN ({string.Join(", ", numbers)})", cancellationToken);
        }
    }

    private static LandedPlace Place(SequenceNumber sequence) => new(sequence.Number, sequence.Sub);
}

/// <summary>Where the files of a lake's table lie, and what they look like.</summary>
internal sealed record LandingFolder(string Path, ImmutableArray<(string Column, TimeGrain Grain, string Format)> Partitions)
{
    /// <summary>An expression that gives the folder of a row, as <c>month=2026-11-01</c>; null if the table has none.</summary>
    public string? PartitionExpression(string timeColumn) => Partitions.IsEmpty
        ? null
        : string.Join(" || '/' || ", Partitions.Select(p => $"'{p.Column}=' || strftime(date_trunc('{p.Grain.ToString().ToLowerInvariant()}', {GoldColumns.Quote(timeColumn)}), '{p.Format}')"));

    /// <summary>Finds the folder of a table and how it is partitioned.</summary>
    /// <exception cref="LakeException">The table cannot take files.</exception>
    public static LandingFolder Of(string lakeFolder, StreamPlan plan)
    {
        var path = System.IO.Path.Combine([lakeFolder, .. plan.Fact.Table.Split('.')]);
        if (!Directory.Exists(path))
        {
            throw new LakeException($"Events of {plan.Stream.Name} are to be written to the folder '{plan.Fact.Table}' of the lake, which is not there: a table that is one file takes no others.", isTransient: false);
        }

        var sample = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).FirstOrDefault(f => !System.IO.Path.GetRelativePath(path, f).Split(System.IO.Path.DirectorySeparatorChar).Any(p => p.StartsWith('.') || (p.StartsWith('_') && !p.Contains('='))));
        if (sample is not null && !sample.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase))
        {
            throw new LakeException($"Events of {plan.Stream.Name} are written as Parquet, and the lake's table '{plan.Fact.Table}' has other files.", isTransient: false);
        }

        var levels = sample is null ? [] : System.IO.Path.GetRelativePath(path, sample).Split(System.IO.Path.DirectorySeparatorChar)[..^1].Where(l => l.Contains('=')).ToList();
        var partitions = sample is null
            ? plan.Partitions.Select(p => (p.Key, p.Value, "%Y-%m-%d"))
            : levels.Select(level => level.Split('=', 2)).Select(level => plan.Partitions.TryGetValue(level[0], out var grain) && FormatOf(level[1]) is { } format
                ? (level[0], grain, format)
                : throw new LakeException($"The lake's table '{plan.Fact.Table}' is partitioned by {level[0]}, of which the model does not say which bucket of {plan.TimeColumn} it holds ('partitions').", isTransient: false));
        return new LandingFolder(path, [.. partitions]);
    }

    private static string? FormatOf(string value) => new[] { ("yyyy-MM-dd", "%Y-%m-%d"), ("yyyyMMdd", "%Y%m%d"), ("yyyy-MM", "%Y-%m"), ("yyyy", "%Y") }
        .Where(f => DateOnly.TryParseExact(value, f.Item1, CultureInfo.InvariantCulture, DateTimeStyles.None, out _)).Select(f => f.Item2).FirstOrDefault();
}
