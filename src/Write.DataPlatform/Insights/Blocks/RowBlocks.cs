using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Blocks;

/// <summary>Remembers the rows of partitions as blocks, within a bound.</summary>
/// <remarks>
/// A partition's version never changes, so what is remembered is never stale, and what is lost is read again. Reading a block costs as much as DuckDB takes to sort a partition: so
/// one that an answer needs mostly as a whole is read for it, and any other in the background once it was asked for twice. The feed's rows and those that slices are cut from share
/// the bound.
/// </remarks>
internal sealed partial class RowBlocks(GoldRows gold, IOptions<GoldOptions> options, ILogger<RowBlocks> logger) : IAsyncDisposable
{
    private const int MaxWanted = 10_000;
    private const int BytesAValue = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<BlockName, Entry> _entries = [];
    private readonly HashSet<BlockName> _wanted = [];
    private readonly SemaphoreSlim _behind = new(1);
    private readonly CancellationTokenSource _stop = new();
    private long _uses;
    private long _bytes;

    private long Budget => (long)options.Value.RowsMegabytes << 20;

    /// <summary>Whether a table's rows can be blocks: all columns have a kind that blocks take, and the key one that is ordered and spelt here as in DuckDB.</summary>
    public bool Takes(GoldRowSet set) => Budget > 0
        && set.Columns.All(c => BlockColumnBuilder.Takes(c.Type.Kind))
        && set.Key.Skip(1).All(c => c.Type.Kind is RowKind.String or RowKind.Int64 or RowKind.Boolean or RowKind.Date);

    /// <summary>Whether blocks give an answer now. What is missing for it is read in the background, if it is asked for again.</summary>
    /// <param name="set">The rows.</param>
    /// <param name="partitions">The partitions that the answer may need.</param>
    /// <param name="rows">About how many rows the answer has.</param>
    public bool IsReady(GoldRowSet set, IReadOnlyList<TimedPartition> partitions, long rows)
    {
        List<PartitionRows> missing;
        var wanted = partitions.Select(p => RowsOf(set, p)).ToList();
        lock (_lock)
        {
            missing = [.. wanted.Where(w => !_entries.ContainsKey(w.Name))];
        }

        if (missing.Count == 0)
        {
            return true;
        }

        if (!HasRoom(wanted))
        {
            return false;
        }

        var isWhole = missing.Sum(p => p.Partition.Rows) <= 2 * rows;
        if (!isWhole)
        {
            ReadBehind(missing);
        }

        return isWhole;
    }

    /// <summary>A partition's rows, read if they are not remembered.</summary>
    /// <exception cref="GoldStoreException">The store failed, or the partition is gone.</exception>
    public Task<RowBlock> GetAsync(GoldRowSet set, TimedPartition partition, CancellationToken cancellationToken = default) => GetAsync(RowsOf(set, partition), cancellationToken);

    /// <summary>Partitions' rows, if all are remembered. What is missing is read in the background, if it is asked for again.</summary>
    public IReadOnlyList<RowBlock>? Find(IReadOnlyList<PartitionRows> wanted)
    {
        var found = new RowBlock[wanted.Count];
        List<PartitionRows>? missing = null;
        lock (_lock)
        {
            for (var i = 0; i < found.Length; i++)
            {
                if (_entries.TryGetValue(wanted[i].Name, out var entry) && entry.Block.IsCompletedSuccessfully)
                {
                    (found[i], entry.LastUsed) = (entry.Block.Result, ++_uses);
                }
                else if (entry is null)
                {
                    (missing ??= []).Add(wanted[i]);
                }
                else
                {
                    missing ??= [];
                }
            }
        }

        if (missing is null)
        {
            return found;
        }

        if (HasRoom(wanted))
        {
            ReadBehind(missing);
        }

        return null;
    }

    private Task<RowBlock> GetAsync(PartitionRows rows, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(rows.Name, out entry))
            {
                // The block is everybody's: who gives up waiting does not end it.
                _entries.Add(rows.Name, entry = new Entry(Task.Run(() => rows.ReadAsync(_stop.Token))));
                _ = KeepAsync(rows.Name, entry);
            }

            entry.LastUsed = ++_uses;
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

    private PartitionRows RowsOf(GoldRowSet set, TimedPartition partition) => new(set.View, set.Manifest.Tenant, partition.Partition, set.Columns.Length, cancellation => ReadAsync(set, partition, cancellation));

    private bool HasRoom(IEnumerable<PartitionRows> wanted) => wanted.Sum(w => w.Partition.Rows * w.Columns * BytesAValue) <= Budget / 2;

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

    private void ReadBehind(List<PartitionRows> missing)
    {
        List<PartitionRows> again;
        lock (_lock)
        {
            if (_wanted.Count > MaxWanted)
            {
                _wanted.Clear();
            }

            again = [.. missing.Where(p => !_wanted.Add(p.Name))];
        }

        if (again.Count == 0 || _stop.IsCancellationRequested || !_behind.Wait(TimeSpan.Zero))
        {
            return;
        }

        _ = Task.Run(async () =>
        {
            try
            {
                foreach (var rows in again)
                {
                    await GetAsync(rows, _stop.Token);
                }
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                LogNotRead(exception);
            }
            catch (OperationCanceledException)
            {
            }
            finally
            {
                _behind.Release();
            }
        });
    }

    /// <summary>Counts a block once it is read, and forgets the least recently used beyond the bound; one that could not be read is forgotten at once.</summary>
    private async Task KeepAsync(BlockName name, Entry entry)
    {
        try
        {
            entry.Bytes = (await entry.Block).Bytes;
            lock (_lock)
            {
                _bytes += entry.Bytes;
                foreach (var (other, oldest) in _entries.Where(e => e.Value.Bytes > 0).OrderBy(e => e.Value.LastUsed).TakeWhile(_ => _bytes > Budget).ToList())
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

    [LoggerMessage(3121, LogLevel.Warning, "Gold rows could not be read into memory; DuckDB gives them")]
    private partial void LogNotRead(Exception exception);

    private sealed class Entry(Task<RowBlock> block)
    {
        public Task<RowBlock> Block => block;

        public long Bytes { get; set; }

        public long LastUsed { get; set; }
    }
}

/// <summary>A partition's rows as somebody wants them.</summary>
/// <param name="Meaning">What their columns are, besides the version: one object for all that is the same.</param>
/// <param name="Tenant">The tenant whose rows they are; null for an internal table.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Columns">How many columns they have.</param>
/// <param name="ReadAsync">Reads them.</param>
internal sealed record PartitionRows(object Meaning, string? Tenant, GoldPartition Partition, int Columns, Func<CancellationToken, Task<RowBlock>> ReadAsync)
{
    public BlockName Name { get; } = new(Meaning, Tenant, Partition.Version);
}

/// <summary>What tells blocks apart.</summary>
/// <param name="Meaning">What their columns are.</param>
/// <param name="Tenant">Whose rows they are.</param>
/// <param name="Version">The partition's version.</param>
internal readonly record struct BlockName(object Meaning, string? Tenant, string Version);
