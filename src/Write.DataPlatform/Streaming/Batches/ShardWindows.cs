using System.Collections.Immutable;
using System.Globalization;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>What became of an event.</summary>
internal enum TakenAs
{
    /// <summary>It counts in its window.</summary>
    Counted,

    /// <summary>It was counted before.</summary>
    Duplicate,

    /// <summary>Its window is closed.</summary>
    Late,
}

/// <summary>Some of the events of one window of one shard: the first so many in the shard's order, the next so many, and so on.</summary>
internal sealed class WindowChunk(DateTime window, int index)
{
    public DateTime Window { get; } = window;

    public int Index { get; } = index;

    /// <summary>The table of its rows.</summary>
    public string Table { get; } = string.Create(CultureInfo.InvariantCulture, $"chunk_{window:yyyyMMddHHmmss}_{index}");

    /// <summary>Rows that are not in the table yet, each with its number; null for none.</summary>
    public EventRows? Pending { get; set; }

    public int Count { get; set; }

    /// <summary>The number of its last row.</summary>
    public long Last { get; set; }

    /// <summary>Whether no more rows come.</summary>
    public bool IsFull { get; set; }

    /// <summary>The revision written last; null for none.</summary>
    public long? Written { get; set; }

    public bool HasTable { get; set; }

    /// <summary>By table and tenant, the revision that is stored.</summary>
    public Dictionary<(string Table, string? Tenant), long> Stored { get; } = [];

    /// <summary>Rises with the events; once more when the last has come, for what they join to may have come later than they.</summary>
    public long Revision => 2L * Count + (IsFull ? 1 : 0);
}

/// <summary>The windows of one shard: which event counts in which, which are closed, and what must be remembered. A function of the shard's records alone.</summary>
internal sealed class ShardWindows(TimeSpan window, TimeSpan lateness, Func<DateTime, int> chunkEvents, int maxOpenEvents, ImmutableArray<EventColumn> columns)
{
    private readonly SortedDictionary<DateTime, OpenWindow> _windows = [];
    private EventRows? _spare;
    private OpenWindow? _last;
    private int _ids;

    /// <summary>The latest event time, none ahead of its arrival (UTC).</summary>
    public DateTime? Watermark { get; private set; }

    /// <summary>Windows that end here or before are closed (UTC).</summary>
    public DateTime? Sealed { get; private set; }

    public int Open => _windows.Values.Count(w => !IsClosed(w.Start));

    public IEnumerable<WindowChunk> Chunks => _windows.Values.SelectMany(w => w.Chunks);

    /// <summary>The first record of the oldest window that is open.</summary>
    public SequenceNumber? FirstOpen => _windows.Values.Where(w => !IsClosed(w.Start)).Select(w => (SequenceNumber?)w.First).Min();

    /// <summary>Goes on where a predecessor was.</summary>
    public void Restore(DateTime? watermark, DateTime? isSealed) => (Watermark, Sealed) = (watermark, isSealed);

    /// <summary>Takes an event.</summary>
    /// <param name="time">Its event time (UTC).</param>
    /// <param name="arrived">When it arrived (UTC).</param>
    /// <param name="id">What tells it from others; null if nothing does.</param>
    /// <param name="sequence">Its record.</param>
    /// <param name="number">The number of its row.</param>
    /// <param name="row">Its values, the last row.</param>
    public TakenAs Take(DateTime time, DateTime arrived, UInt128? id, SequenceNumber sequence, long number, EventRows row)
    {
        var start = Floor(time);
        var open = Find(start);
        if (IsClosed(start))
        {
            // Until it is in the lake a closed window still knows whom it has.
            return open is not null && id is { } known && open.Ids.Contains(known) ? TakenAs.Duplicate : TakenAs.Late;
        }

        if (open is null)
        {
            _windows.Add(start, _last = open = new OpenWindow(start, sequence, chunkEvents(start)));
        }

        if (id is { } own)
        {
            if (!open.Ids.Add(own))
            {
                return TakenAs.Duplicate;
            }

            _ids++;
        }

        if (open.Chunks.Count == 0 || open.Chunks[^1].IsFull)
        {
            open.Chunks.Add(new WindowChunk(start, open.Chunks.Count));
        }

        var chunk = open.Chunks[^1];
        if (chunk.Pending is null)
        {
            (chunk.Pending, _spare) = (_spare ?? new EventRows(columns), null);
        }

        chunk.Pending.Add(number, row);
        chunk.Count++;
        chunk.Last = number;
        chunk.IsFull = chunk.Count >= open.ChunkEvents;
        Advance(time < arrived ? time : arrived);
        while (_ids > maxOpenEvents && _windows.Values.FirstOrDefault(w => !IsClosed(w.Start)) is { } oldest)
        {
            // Later ones of it go to the lake alone, rather than filling the memory.
            Seal(oldest.Start + window);
        }

        return TakenAs.Counted;
    }

    /// <summary>No event before a moment, less the lateness, is waited for any more.</summary>
    public void Advance(DateTime watermark)
    {
        if (!(watermark <= Watermark))
        {
            Watermark = watermark;
            Seal(Floor(watermark - lateness));
        }
    }

    /// <summary>Closes windows up to a moment.</summary>
    public void Seal(DateTime moment)
    {
        if (moment <= Sealed)
        {
            return;
        }

        Sealed = moment;
        foreach (var closed in _windows.Values.TakeWhile(w => IsClosed(w.Start)).Where(w => !w.IsClosed))
        {
            closed.IsClosed = true;
            _ids -= closed.Ids.Count;
            if (closed.Chunks.Count > 0)
            {
                closed.Chunks[^1].IsFull = true;
            }
        }
    }

    /// <summary>Forgets closed windows whose rows are all written and have at most a number.</summary>
    public IEnumerable<WindowChunk> Drop(long number)
    {
        var dropped = new List<WindowChunk>();
        foreach (var open in _windows.Values.ToList())
        {
            if (IsClosed(open.Start) && open.Chunks.TrueForAll(c => c.Written == c.Revision && c.Last <= number))
            {
                dropped.AddRange(open.Chunks);
                _windows.Remove(open.Start);
                _last = null;
            }
        }

        // Full chunks of open windows need their rows no more.
        dropped.AddRange(Chunks.Where(c => c.HasTable && c.IsFull && c.Written == c.Revision && c.Last <= number));
        return dropped;
    }

    /// <summary>Forgets a chunk's pending rows, which are in its table; their memory is for others.</summary>
    public void Empty(WindowChunk chunk)
    {
        (_spare, chunk.Pending) = (chunk.Pending ?? _spare, null);
        _spare?.Clear();
    }

    /// <summary>Gives memory back that is kept for more events.</summary>
    public void Trim() => _spare = null;

    public bool IsClosed(DateTime start) => start + window <= Sealed;

    public DateTime Floor(DateTime time) => new(time.Ticks - time.Ticks % window.Ticks, DateTimeKind.Utc);

    /// <summary>Events of one window come one behind the other.</summary>
    private OpenWindow? Find(DateTime start) => _last?.Start == start ? _last : _windows.TryGetValue(start, out var open) ? _last = open : null;

    private sealed class OpenWindow(DateTime start, SequenceNumber first, int chunkEvents)
    {
        public int ChunkEvents { get; } = chunkEvents;

        public DateTime Start { get; } = start;

        public SequenceNumber First { get; } = first;

        public bool IsClosed { get; set; }

        public HashSet<UInt128> Ids { get; } = [];

        public List<WindowChunk> Chunks { get; } = [];
    }
}
