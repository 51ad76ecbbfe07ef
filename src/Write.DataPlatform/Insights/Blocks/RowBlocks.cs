using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Blocks;

/// <summary>Remembers the rows of partitions as blocks, within a bound.</summary>
/// <remarks>
/// A partition's version never changes, so what is remembered is never stale, and what is lost is read again. Reading a block costs as much as DuckDB takes to sort a partition: so
/// one that an answer needs mostly as a whole is read for it, and any other in the background once it was asked for twice, unless others that are in use would have to go for it.
/// The feed's rows and those that slices are cut from share the bound.
/// </remarks>
internal sealed partial class RowBlocks(GoldRows gold, IOptions<GoldOptions> options, TimeProvider clock, ILogger<RowBlocks> logger) : IAsyncDisposable
{
    private const int MaxWanted = 10_000;
    private static readonly TimeSpan InUse = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Dictionary<BlockName, Entry> _entries = [];
    private readonly HashSet<BlockName> _wanted = [];
    private readonly SemaphoreSlim _behind = new(1);
    private readonly CancellationTokenSource _stop = new();
    private long _uses;
    private long _bytes;

    /// <summary>Since when a table's rows are not read behind: they have no room, or could not be read.</summary>
    private readonly Dictionary<(object Meaning, string? Tenant), long> _rests = [];

    private long Budget => (long)options.Value.RowsMegabytes << 20;

    /// <summary>Whether a table's rows can be blocks: all columns have a kind that blocks take, and the key one that is ordered and spelt here as in DuckDB.</summary>
    public bool Takes(GoldRowSet set) => Budget > 0
        && set.Columns.All(c => BlockColumnBuilder.Takes(c.Type.Kind))
        && set.Key.Skip(1).All(c => c.Type.Kind is RowKind.String or RowKind.Int64 or RowKind.Boolean or RowKind.Date);

    /// <summary>Whether blocks give an answer now. What is missing for it is read in the background, if it is asked for again.</summary>
    /// <param name="set">The rows.</param>
    /// <param name="partitions">The partitions that the answer may need.</param>
    /// <param name="asked">About how many rows the answer has.</param>
    public bool IsReady(GoldRowSet set, IReadOnlyList<TimedPartition> partitions, long asked)
    {
        var rows = RowsOf(set);
        List<GoldPartition> missing;
        lock (_lock)
        {
            missing = [.. partitions.Select(p => p.Partition).Where(p => !_entries.ContainsKey(rows.NameOf(p)))];
        }

        if (missing.Count == 0)
        {
            return true;
        }

        if (missing.Sum(p => p.Rows) <= 2 * asked)
        {
            // They are taken one after the other, so that small ones need not fit together.
            return Budget > 0 && (CanHold(rows, partitions.Select(p => p.Partition)) || missing.All(p => rows.Estimate(p) <= Budget / 8));
        }

        if (CanHold(rows, partitions.Select(p => p.Partition)))
        {
            ReadBehind(rows, missing);
        }

        return false;
    }

    /// <summary>A partition's rows, read if they are not remembered; what is read is remembered if nothing in use has to go for it.</summary>
    /// <exception cref="GoldStoreException">The store failed, or the partition is gone.</exception>
    public Task<RowBlock> GetAsync(GoldRowSet set, TimedPartition partition, CancellationToken cancellationToken = default) => GetAsync(RowsOf(set), partition.Partition, cancellationToken);

    /// <summary>Partitions' rows, if all are remembered; else null. What is missing is read in the background, if it is asked for again.</summary>
    public IReadOnlyList<RowBlock>? TryGet(BlockRows rows, IReadOnlyList<GoldPartition> partitions)
    {
        var found = new Entry?[partitions.Count];
        List<GoldPartition>? missing = null;
        lock (_lock)
        {
            for (var i = 0; i < found.Length; i++)
            {
                if (!_entries.TryGetValue(rows.NameOf(partitions[i]), out found[i]))
                {
                    (missing ??= []).Add(partitions[i]);
                }
                else if (!found[i]!.Block.IsCompletedSuccessfully)
                {
                    missing ??= [];
                }
            }

            if (missing is null)
            {
                // What answers nothing is not in use.
                Array.ForEach(found, entry => Use(entry!));
                return Array.ConvertAll(found, entry => entry!.Block.Result);
            }
        }

        if (CanHold(rows, partitions))
        {
            ReadBehind(rows, missing);
        }

        return null;
    }

    /// <summary>A partition's rows as somebody wants them, read if they are not remembered; what is read is remembered if nothing in use has to go for it.</summary>
    /// <exception cref="GoldStoreException">The store failed, or the partition is gone.</exception>
    public Task<RowBlock> GetAsync(BlockRows rows, GoldPartition partition, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_lock)
        {
            var name = rows.NameOf(partition);
            var isNew = !_entries.TryGetValue(name, out entry);
            if (entry is null)
            {
                if (!HasRoom(rows.Estimate(partition)))
                {
                    return rows.Read(partition, cancellationToken);
                }

                // The block is everybody's: who gives up waiting does not end it.
                _entries.Add(name, entry = new Entry(Task.Run(() => rows.Read(partition, _stop.Token))));
            }

            Use(entry);
            if (isNew)
            {
                _ = KeepAsync(name, entry);
            }
        }

        return entry.Block.IsCompletedSuccessfully ? entry.Block : entry.Block.WaitAsync(cancellationToken);
    }

    /// <summary>How many blocks are remembered, and their bytes.</summary>
    internal (int Blocks, long Bytes) Remembered
    {
        get
        {
            lock (_lock)
            {
                return (_entries.Count, _bytes);
            }
        }
    }

    /// <summary>Waits until nothing is read in the background.</summary>
    internal async Task SettleAsync()
    {
        while (true)
        {
            Task[] reading;
            lock (_lock)
            {
                reading = [.. _entries.Values.Select(e => e.Block).Where(b => !b.IsCompleted)];
            }

            if (reading.Length == 0 && await _behind.WaitAsync(TimeSpan.Zero))
            {
                _behind.Release();
                return;
            }

            await Task.WhenAll(reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await SettleAsync();
        _stop.Dispose();
        _behind.Dispose();
    }

    private BlockRows RowsOf(GoldRowSet set) => new(
        set.Meaning, set.Manifest.Tenant, set.Columns.Length, (partition, cancellation) => ReadAsync(set, set.Partitions.First(p => ReferenceEquals(p.Partition, partition)), cancellation));

    /// <summary>Whether blocks of some partitions are few enough to be kept together.</summary>
    private bool CanHold(BlockRows rows, IEnumerable<GoldPartition> partitions) => Budget > 0 && partitions.Sum(rows.Estimate) <= Budget / 2;

    /// <summary>Whether so many bytes are free, or taken by what has not been used for a while.</summary>
    private bool HasRoom(long bytes) => bytes <= Budget - _entries.Values.Where(e => clock.GetElapsedTime(e.LastUsedAt) < InUse).Sum(e => e.Bytes);

    private void Use(Entry entry) => (entry.LastUsed, entry.LastUsedAt) = (++_uses, clock.GetTimestamp());

    /// <summary>What a block has; the rest of the columns follows from them.</summary>
    private static ImmutableArray<RowColumn> StoredColumns(GoldRowSet set) => [.. set.Columns.Where(c => c.Name != set.View.Key && c.Name != set.View.LoadedAt)];

    private Task<RowBlock> ReadAsync(GoldRowSet set, TimedPartition partition, CancellationToken cancellationToken)
    {
        var columns = StoredColumns(set);
        return gold.QueryAsync(
            set,
            new RowTimes(partition.FromTime, partition.ToTime.AddTicks(-1)),
            source => RowCompiler.CompilePage(source, new RowPage(new RowPipeline([], set.Columns), [.. columns.Select(c => c.Name)], null, 0, null)),
            reader => RowBlock.Read(reader, columns, set.Key),
            cancellationToken);
    }

    private void ReadBehind(BlockRows rows, List<GoldPartition> missing)
    {
        List<GoldPartition> again;
        lock (_lock)
        {
            if (_wanted.Count > MaxWanted)
            {
                _wanted.Clear();
            }

            again = [.. missing.Where(p => !_wanted.Add(rows.NameOf(p)))];
            if (again.Count == 0 || _stop.IsCancellationRequested || (_rests.TryGetValue(rows.Table, out var since) && clock.GetElapsedTime(since) < Rest))
            {
                return;
            }

            if (!HasRoom(again.Sum(rows.Estimate)))
            {
                // Two that do not fit together would read each other away for ever.
                LeaveAlone(rows);
                return;
            }
        }

        if (_behind.Wait(TimeSpan.Zero))
        {
            _ = Task.Run(() => ReadBehindAsync(rows, again));
        }
    }

    private void LeaveAlone(BlockRows rows)
    {
        if (_rests.Count > MaxWanted)
        {
            _rests.Clear();
        }

        _rests[rows.Table] = clock.GetTimestamp();
    }

    private async Task ReadBehindAsync(BlockRows rows, List<GoldPartition> partitions)
    {
        try
        {
            foreach (var partition in partitions)
            {
                try
                {
                    await GetAsync(rows, partition, _stop.Token);
                }
                catch (Exception exception)
                {
                    if (_stop.IsCancellationRequested)
                    {
                        return;
                    }

                    // Nobody waits for it, so it need not be tried with every question.
                    LogNotRead(exception, partition.Period);
                    lock (_lock)
                    {
                        LeaveAlone(rows);
                    }
                }
            }
        }
        finally
        {
            _behind.Release();
        }
    }

    /// <summary>Counts a block once it is read, and forgets the least recently used beyond the bound; one that could not be read is forgotten at once.</summary>
    private async Task KeepAsync(BlockName name, Entry entry)
    {
        try
        {
            entry.Bytes = (await entry.Block).Bytes;
            lock (_lock)
            {
                // Once it is forgotten, it must be asked for twice again.
                _wanted.Remove(name);
                _bytes += entry.Bytes;
                if (_bytes <= Budget)
                {
                    return;
                }

                foreach (var (other, oldest) in _entries.Where(e => e.Value.Bytes > 0).OrderBy(e => e.Value.LastUsed).ToList().TakeWhile(_ => _bytes > Budget))
                {
                    _bytes -= oldest.Bytes;
                    _entries.Remove(other);
                }
            }
        }
        catch (Exception)
        {
            // Who waits for it is told.
            lock (_lock)
            {
                _entries.Remove(name);
            }
        }
    }

    [LoggerMessage(3121, LogLevel.Warning, "Gold rows of {Period} could not be read into memory; DuckDB gives them")]
    private partial void LogNotRead(Exception exception, string period);

    private sealed class Entry(Task<RowBlock> block)
    {
        public Task<RowBlock> Block => block;

        public long Bytes { get; set; }

        public long LastUsed { get; set; }

        public long LastUsedAt { get; set; }
    }
}

/// <summary>Rows of a table's partitions as somebody wants them.</summary>
/// <param name="meaning">What their columns are: equal for all that is the same.</param>
/// <param name="tenant">The tenant whose rows they are; null for an internal table.</param>
/// <param name="columns">How many columns they have.</param>
/// <param name="read">Reads those of a partition.</param>
internal sealed class BlockRows(object meaning, string? tenant, int columns, Func<GoldPartition, CancellationToken, Task<RowBlock>> read)
{
    private const int BytesAValue = 8;

    public Func<GoldPartition, CancellationToken, Task<RowBlock>> Read => read;

    /// <summary>What tells a table's rows from another's.</summary>
    public (object Meaning, string? Tenant) Table => (meaning, tenant);

    public BlockName NameOf(GoldPartition partition) => new(meaning, tenant, partition.Version);

    /// <summary>About the bytes of a partition's block.</summary>
    public long Estimate(GoldPartition partition) => RowBlock.FixedBytes + partition.Rows * columns * BytesAValue;
}

/// <summary>What tells blocks apart.</summary>
/// <param name="Meaning">What their columns are.</param>
/// <param name="Tenant">Whose rows they are.</param>
/// <param name="Version">The partition's version.</param>
internal readonly record struct BlockName(object Meaning, string? Tenant, string Version);
