using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>Counts one shard's events: windows and states into the tail, events into the lake, what is no event into the dead letters; then the state, then the checkpoint.</summary>
/// <remarks>
/// <para>What an event becomes is a function of the shard's records and of the state that was last written, so that reading them again writes the same again. Segments grow and never
/// shrink (<see cref="TailStore"/>), letters have their records' names, and a file for the lake is announced in the state before it is written: whoever goes on writes that very file first.</para>
/// <para>See <c>docs/decisions/0009-tail-by-cut.md</c>.</para>
/// </remarks>
internal sealed class ShardBatcher : IShardProcessor
{
    private const int EarlierKept = 90;

    // What may wait in memory to be written.
    private const long MaxUnwrittenBytes = 32 << 20;

    // How long it writes windows without asking whether it may yet.
    private static readonly TimeSpan ConfirmAfter = TimeSpan.FromMinutes(2);

    private readonly BatchServices _services;
    private readonly BatchOptions _options;
    private readonly StreamPlan _plan;
    private readonly ShardContext _context;
    private readonly string _shard;
    private readonly EventParser _parser;
    private readonly BatchRows _rows;
    private readonly Landing? _landing;
    private readonly BatchStates _states;
    private readonly ShardWindows _windows;
    private readonly int _time;
    private readonly int _id;
    private readonly List<DeadLetter> _letters = [];
    private readonly EventRows _row;
    private readonly EventRows _late;
    private readonly SequenceNumber? _history;
    private BatchState _state;
    private SequenceNumber? _seen;
    private SequenceNumber? _taken;
    private long _number;
    private long _landed;
    private (long Events, long Duplicates, long DeadLetters) _counts;
    private ImmutableSortedDictionary<string, TailCoverage> _tables;
    private SequenceNumber? _announced;
    private long _wroteAt;
    private long _landedAt;
    private long _toldAt;
    private long _confirmedAt;
    private long? _quietSince;
    private long _unwritten;
    private bool _isCovered;

    // Until the open windows know again whom a predecessor counted, nothing is said of them: whoever goes on reads from where this one did.
    private bool _isReadingAgain;

    // What a predecessor counted is written again where a table is new.
    private bool _isDirty = true;
    private bool _isEnd;
    private TimeSpan _behind;
    private DateTimeOffset? _tip;
    private long _lookedAt;

    private ShardBatcher(
        BatchServices services, StreamPlan plan, ShardContext context, string shard, EventParser parser, BatchRows rows, Landing? landing, BatchStates states, BatchState state)
    {
        (_services, _plan, _context, _shard, _parser, _rows, _landing, _states, _state) = (services, plan, context, shard, parser, rows, landing, states, state);
        _options = services.Options;
        _windows = new ShardWindows(plan.Stream.Window, plan.Stream.AllowedLateness, start => state.Chunks.Last(c => c.From.UtcDateTime <= start).Events, _options.MaxOpenEvents, parser.Columns);
        (_row, _late) = (new EventRows(parser.Columns), new EventRows(parser.Columns));
        _windows.Restore(state.Watermark?.UtcDateTime, state.Sealed?.UtcDateTime);
        _time = Index(plan.TimeColumn);
        _id = plan.IdColumn is { } id ? Index(id) : -1;
        _taken = _history = state.TakenAt;
        _announced = state.LandingTo;
        _isReadingAgain = _history is not null && ShardPosition.TryParse(state.Position, out var position) && position.Kind == PositionKind.At;
        _counts = (state.Events, state.Duplicates, state.DeadLetters);
        _tables = state.CoverageOf(plan, services.Time.GetUtcNow() + _options.MaxFuture, _options.MaxFuture);
        _wroteAt = _landedAt = _toldAt = _confirmedAt = services.Time.GetTimestamp();
    }

    /// <summary>Goes on with a shard.</summary>
    /// <exception cref="LakeException">The lake does not say which columns the events have, or cannot take them.</exception>
    /// <exception cref="GoldStoreException">The store failed, or another worker has the shard.</exception>
    public static async Task<ShardBatcher> StartAsync(BatchServices services, StreamPlan plan, ShardContext context, CancellationToken cancellationToken = default)
    {
        var shard = NameOf(context.Shard.Id, context.Identity);
        var states = new BatchStates(services.Store, plan.Stream.Name, shard);
        var floor = await services.Tails.BeginAsync(plan.Stream.Name, shard, other => !IsOf(other, context.Identity), cancellationToken);
        var state = await states.ReadAsync(cancellationToken) ?? new BatchState { Position = context.Checkpoint.Position.ToString(), Sealed = floor };
        if (state.Fence > context.Fence)
        {
            throw new GoldStoreException($"Another worker counts shard {shard} of {plan.Stream.Name} now.", isTransient: true);
        }

        // From here on nobody before this one can write it.
        state = state with { Fence = context.Fence, Chunks = state.ChunksOf(services.Options.ChunkEvents, plan.Stream.Window, services.Time.GetUtcNow() + services.Options.MaxFuture + (2 * ConfirmAfter) + plan.Stream.Window) };
        await states.WriteAsync(state, cancellationToken);
        var folder = services.LandsIn(plan);
        var columns = await services.ColumnsAsync(plan, folder, cancellationToken);
        var rows = await BatchRows.OpenAsync(services.Instance, plan, columns, services.Lake, services.Folder, services.Time, cancellationToken);
        try
        {
            var landing = folder is null ? null : new Landing(rows, plan, services.Lake, folder, shard, services.Grace, services.Time);
            await services.ForgetOthersAsync(plan.Stream.Name, context.Identity, cancellationToken);
            return new ShardBatcher(services, plan, context, shard, new EventParser(columns, services.Options.MaxEventBytes, services.Options.MaxTextBytes), rows, landing, states, state);
        }
        catch
        {
            await rows.DisposeAsync();
            throw;
        }
    }

    /// <summary>A shard's name in the tail and in the lake, where shards of an earlier stream of the same name are others.</summary>
    public static string NameOf(string shard, string identity) => shard + Suffix(identity);

    private static bool IsOf(string name, string identity) => name.EndsWith(Suffix(identity), StringComparison.Ordinal);

    private static string Suffix(string identity) => "~" + XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(identity)).ToString("x16", CultureInfo.InvariantCulture)[..8];

    /// <inheritdoc />
    public async Task<ShardCheckpoint?> ProcessAsync(ShardBatch batch, CancellationToken cancellationToken = default)
    {
        (_behind, _tip, _isEnd) = (batch.Behind, null, _isEnd || batch.IsEnd);
        var wasReadingAgain = _isReadingAgain;
        if (batch.HasGap)
        {
            AfterGap(batch.Records.IsEmpty ? batch.LookedAt ?? _services.Time.GetUtcNow() : batch.Records[^1].ArrivedAt);
        }

        foreach (var record in batch.Records)
        {
            if (_announced is { } to && record.Sequence > to)
            {
                await LandAsync(isEnd: false, cancellationToken);
            }

            _isReadingAgain &= record.Sequence < _history;
            Take(record);
            if (_unwritten >= MaxUnwrittenBytes)
            {
                await WriteAsync(cancellationToken);
            }
        }

        // Whatever writing takes from here on: what came after this moment is not counted.
        _tip = batch.Behind == TimeSpan.Zero ? batch.LookedAt ?? _services.Time.GetUtcNow() : null;

        // At the tip without a record: what was to be read again is gone from the stream.
        _isReadingAgain &= !_isEnd && (!batch.Records.IsEmpty || batch.Behind > TimeSpan.Zero);
        _isDirty |= wasReadingAgain && !_isReadingAgain;
        var now = _lookedAt = _services.Time.GetTimestamp();
        if (_announced is { } last && _taken == last)
        {
            await LandAsync(isEnd: false, cancellationToken);
        }

        _quietSince = batch.IsUnanswered ? _quietSince : batch.Records.IsEmpty && batch.Behind == TimeSpan.Zero ? _quietSince ?? now : null;
        var isQuiet = batch.Records.IsEmpty || batch.Behind == TimeSpan.Zero;
        if (isQuiet)
        {
            _windows.Trim();
        }

        if (_isDirty && (isQuiet || _services.Time.GetElapsedTime(_wroteAt, now) >= _options.WriteInterval))
        {
            await WriteAsync(cancellationToken);
        }

        if (_announced is null && !_isReadingAgain && (_isEnd || _state.Sealed is null || _services.Time.GetElapsedTime(_landedAt, now) >= _options.LandInterval))
        {
            CloseIfQuiet();
            if (_isEnd)
            {
                _windows.Seal(_windows.Floor(_services.Time.GetUtcNow().UtcDateTime + _options.MaxFuture) + _plan.Stream.Window);
            }

            if (_taken != _state.TakenAt || (_isEnd && !_state.IsEnded) || _windows.Sealed != _state.Sealed?.UtcDateTime)
            {
                await LandAsync(_isEnd, cancellationToken);
            }
            else if (_tip is not null && _taken is not null && _services.Time.GetElapsedTime(_toldAt, now) >= _options.LandInterval)
            {
                // All is landed up to now, and stays so when the next event comes.
                _state = _state with { Landed = Counted };
                await PublishAsync(cancellationToken);
                _toldAt = now;
            }
        }

        return Checkpoint();
    }

    /// <inheritdoc />
    public async Task<ShardCheckpoint?> StopAsync(CancellationToken cancellationToken = default)
    {
        if (_announced is null && !_isReadingAgain && !_state.IsEnded)
        {
            CloseIfQuiet();
            await LandAsync(isEnd: false, cancellationToken);
        }

        return Checkpoint();
    }

    public ValueTask DisposeAsync() => _rows.DisposeAsync();

    /// <summary>
    /// Closes windows by the clock, where no event does: all that had arrived is taken; an event that is on its way yet is as late as the lateness allows. The clock is that
    /// of the last look at the stream: of what came since nothing is known.
    /// </summary>
    private void CloseIfQuiet()
    {
        if (_quietSince is { } since && _tip is { UtcDateTime: var clock } && _services.Time.GetElapsedTime(since, _lookedAt) >= _options.IdleAfter && !(clock - _windows.Watermark < _plan.Stream.Window))
        {
            _windows.Advance(new DateTime(clock.Ticks - clock.Ticks % TimeSpan.TicksPerSecond, DateTimeKind.Utc));
            Cover();
            _isDirty = true;
        }
    }

    private ShardCheckpoint? Checkpoint() =>
        _state.IsEnded ? new ShardCheckpoint(ShardPosition.End, _state.Sealed)
        : ShardPosition.TryParse(_state.Position, out var position) ? new ShardCheckpoint(position, _state.Sealed) : null;

    private int Index(string column) => _parser.Columns.ToList().FindIndex(c => c.Name.Equals(column, StringComparison.OrdinalIgnoreCase)) is var at and >= 0
        ? at
        : throw new LakeException($"The lake's table '{_plan.Fact.Table}' has no column '{column}', which the stream {_plan.Stream.Name} needs.", isTransient: false);

    private void Take(StreamRecord record)
    {
        if (record.Sequence <= _seen)
        {
            return;
        }

        _seen = record.Sequence;
        _unwritten += EventRows.BytesOf(_parser.Columns) + record.Data.Length;
        var isHistory = record.Sequence <= _history;
        var problem = _parser.Parse(record.Data.Span, _row);
        var arrived = record.ArrivedAt.UtcDateTime;
        var time = problem is null ? _row.MomentOf(_time) : null;
        problem ??= EventParser.RefuseTime(_plan.TimeColumn, time, arrived, _options);
        if (problem is null)
        {
            _number++;
            switch (_windows.Take(time!.Value, arrived, _id < 0 ? null : _row.IdOf(_id) ^ new UInt128((ulong)time.Value.Ticks, 0), record.Sequence, _number, _row))
            {
                case TakenAs.Counted when !isHistory:
                    _counts.Events++;
                    _isDirty = true;
                    break;
                case TakenAs.Duplicate when !isHistory:
                    _counts.Duplicates++;
                    break;
                case TakenAs.Late when !isHistory:
                    if (_landing is not null)
                    {
                        _late.Add(_number, _row);
                    }

                    Bury(record, DeadReasons.Late, $"Its window was closed; {(_landing is null ? "the lake has it by its own way" : "it is in the lake")}, and the refresh counts it.", time, isInLake: true);
                    break;
            }
        }
        else if (!isHistory)
        {
            Bury(record, problem.Reason, problem.Message, time, isInLake: false);
        }

        if (isHistory)
        {
            // These rows are in the lake.
            _landed = _number;
        }
        else
        {
            _taken = record.Sequence;
        }

        Cover();
    }

    /// <summary>From the first moment on that is sealed, tables' windows are whole.</summary>
    private void Cover()
    {
        if (!_isCovered && _windows.Sealed is { } since)
        {
            _isCovered = true;
            _tables = _tables.ToImmutableSortedDictionary(t => t.Key, t => t.Value.Since == DateTimeOffset.MaxValue ? t.Value with { Since = new DateTimeOffset(since, TimeSpan.Zero) } : t.Value, StringComparer.Ordinal);
        }
    }

    private void Bury(StreamRecord record, string reason, string message, DateTime? time, bool isInLake)
    {
        _counts.DeadLetters++;
        _isDirty = true;
        _letters.Add(new DeadLetter
        {
            Id = DeadLetters.IdOf(record, _shard),
            Reason = reason,
            Message = message,
            Shard = record.ShardId,
            Sequence = record.Sequence.ToString(),
            PartitionKey = record.PartitionKey,
            ArrivedAt = record.ArrivedAt,
            EventTime = time is { } t ? new DateTimeOffset(t, TimeSpan.Zero) : null,
            IsInLake = isInLake,
            Bytes = record.Data.Length,
            Data = record.Data[..Math.Min(record.Data.Length, DeadLetters.MaxKeptBytes)].ToArray(),
        });
    }

    /// <summary>Records are gone that were never seen, so no window is known to be whole that they may have belonged to.</summary>
    /// <param name="before">When the last of them can have arrived.</param>
    private void AfterGap(DateTimeOffset before)
    {
        var since = before + _options.MaxFuture;
        _tables = _tables.ToImmutableSortedDictionary(t => t.Key, t => t.Value with { Since = since > t.Value.Since || t.Value.Since == DateTimeOffset.MaxValue ? since : t.Value.Since }, StringComparer.Ordinal);
    }

    /// <summary>Writes what was counted and what was not.</summary>
    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        if (_services.Time.GetElapsedTime(_confirmedAt) > ConfirmAfter)
        {
            await SaveAsync(_state, cancellationToken);
        }

        _services.At(BatchStep.BeforeSegments);
        await _services.Letters.AddAsync(_plan.Stream.Name, _letters, cancellationToken);
        _letters.Clear();
        if (_late.Count > 0)
        {
            await _rows.AppendAsync(BatchRows.LateTable, _late, cancellationToken);
            _late.Clear();
        }

        foreach (var chunk in _windows.Chunks.Where(c => c.Written != c.Revision).ToList())
        {
            if (!chunk.HasTable)
            {
                await _rows.CreateAsync(chunk.Table, cancellationToken);
                chunk.HasTable = true;
            }

            if (chunk.Pending is { } pending)
            {
                await _rows.AppendAsync(chunk.Table, pending, cancellationToken);
                _windows.Empty(chunk);
            }

            await _rows.ShowAsync(chunk, cancellationToken);
            foreach (var definition in _plan.Tables)
            {
                await WriteAsync(definition, chunk, cancellationToken);
            }

            chunk.Written = chunk.Revision;
        }

        _isDirty = false;
        _unwritten = 0;
        _wroteAt = _services.Time.GetTimestamp();
        _services.At(BatchStep.AfterSegments);

        // Before the first file is written nobody is told of what it will have.
        if (_state.TakenAt is not null || _number == _landed)
        {
            await PublishAsync(cancellationToken);
        }
    }

    private async Task WriteAsync(Query.GoldDefinition definition, WindowChunk chunk, CancellationToken cancellationToken)
    {
        var states = await _rows.StatesAsync(definition, chunk.Window, cancellationToken);
        var gone = chunk.Stored.Keys.Where(k => k.Table == definition.Table.Name && !states.ContainsKey(k.Tenant ?? "")).Select(k => k.Tenant ?? "");
        foreach (var name in states.Keys.Concat(gone).ToList())
        {
            var tenant = name.Length == 0 ? null : name;
            var key = new TailKey(TailMeaning.Of(definition, tenant, _plan.Stream), _plan.Stream.Name, chunk.Window, _shard, chunk.Index);
            var place = (definition.Table.Name, tenant);
            await _services.Tails.PutAsync(
                definition.Table.Name, tenant, new TailSegment(key, chunk.Revision), states.GetValueOrDefault(name), chunk.Stored.TryGetValue(place, out var stored) ? stored : null, cancellationToken);
            chunk.Stored[place] = chunk.Revision;
            _services.At(BatchStep.AfterOneSegment);
        }
    }

    /// <summary>Writes the rows since the last time to the lake, and the state with which a successor goes on behind them.</summary>
    private async Task LandAsync(bool isEnd, CancellationToken cancellationToken)
    {
        await WriteAsync(cancellationToken);
        var next = Snapshot(isEnd) with { Landed = Counted };
        if (_taken is { } to && _number > _landed)
        {
            if (_landing is not null)
            {
                if (_announced is null)
                {
                    await SaveAsync(_state with { Landing = to.ToString() }, cancellationToken);
                }

                _services.At(BatchStep.BeforeLanding);
                var tables = _windows.Chunks.Where(c => c.HasTable).Select(c => c.Table).ToList();
                await _landing.WriteAsync(tables, _state.TakenAt, to, _landed, _number, cancellationToken);
                _services.At(BatchStep.AfterLanding);
            }

            _landed = _number;
        }

        await SaveAsync(next, cancellationToken);
        _announced = null;
        _landedAt = _services.Time.GetTimestamp();
        foreach (var chunk in _windows.Drop(_landed).Where(c => c.HasTable).ToList())
        {
            await _rows.DropAsync(chunk.Table, cancellationToken);
            chunk.HasTable = false;
        }

        _services.At(BatchStep.AfterState);
        await PublishAsync(cancellationToken);
    }

    private BatchState Snapshot(bool isEnd)
    {
        var isSealed = _windows.Sealed is { } s ? new DateTimeOffset(s, TimeSpan.Zero) : _state.Sealed;
        var now = _services.Time.GetUtcNow();
        var first = _windows.FirstOpen;
        return _state with
        {
            Taken = _taken?.ToString(),
            Landing = null,
            Watermark = _windows.Watermark is { } w ? new DateTimeOffset(w, TimeSpan.Zero) : null,
            Sealed = isSealed,
            Tables = _tables,
            Events = _counts.Events,
            Duplicates = _counts.Duplicates,
            DeadLetters = _counts.DeadLetters,
            IsEnded = isEnd,
            Position = first is { } open ? ShardPosition.At(open).ToString() : _taken is { } taken && !(_seen is null || _seen < _history) ? ShardPosition.After(taken).ToString() : _state.Position,
            Earlier = isSealed is { } at && (_state.Earlier.IsEmpty || now - _state.Earlier[0].At >= TimeSpan.FromMinutes(1)) ? [new SealedAt(now, at), .. _state.Earlier.Take(EarlierKept)] : _state.Earlier,
        };
    }

    private async Task SaveAsync(BatchState state, CancellationToken cancellationToken)
    {
        await _states.WriteAsync(state, cancellationToken);
        (_state, _confirmedAt) = (state, _services.Time.GetTimestamp());
    }

    /// <summary>Event time up to which all is counted that was taken; null if nothing was.</summary>
    private DateTimeOffset? Counted => _tip ?? (_windows.Watermark is { } w ? new DateTimeOffset(w, TimeSpan.Zero) : null);

    /// <summary>Tells readers how far the shard is: sealed as the state says, counted as the segments do.</summary>
    private async Task PublishAsync(CancellationToken cancellationToken)
    {
        // What the predecessor said is true until all of it is read again; of new tables' windows it is not yet.
        if (_isReadingAgain)
        {
            return;
        }

        await _services.Tails.ListedAsync(cancellationToken);
        var now = _services.Time.GetUtcNow();
        await _services.Tails.PutProgressAsync(
            _plan.Stream.Name,
            new CountedShard
            {
                Shard = _shard,
                Identity = _context.Identity,
                Sealed = _state.Sealed,
                Earlier = _state.Earlier,
                Counted = Counted,
                Landed = _number > _landed ? _state.Landed : Counted,
                Tables = _tables,
                IsEnded = _state.IsEnded,
                At = now,
                Behind = _behind,
                Lands = _landing is not null,
                OpenWindows = _windows.Open,
                Events = _counts.Events,
                Duplicates = _counts.Duplicates,
                DeadLetters = _counts.DeadLetters,
                Position = _taken?.ToString(),
            },
            cancellationToken);
    }
}
