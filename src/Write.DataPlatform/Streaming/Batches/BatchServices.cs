using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>The moments between which a process may die; tests end it there.</summary>
internal enum BatchStep
{
    BeforeSegments,
    AfterOneSegment,
    AfterSegments,
    BeforeLanding,
    AfterLanding,
    AfterState,
}

/// <summary>What all shards' batchers of a process share.</summary>
internal sealed class BatchServices(
    IOptions<BatchOptions> options,
    IOptions<StreamOptions> streams,
    IOptions<LakeOptions> lakeOptions,
    IOptions<GoldOptions> gold,
    IGoldStore store,
    TailStore tails,
    DeadLetters letters,
    ILake lake,
    TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan GoneAfter = TimeSpan.FromHours(12);

    private readonly Lazy<string> _folder = new(() => ProcessFolder.Make(Path.GetFullPath(options.Value.WorkPath), "streams"));
    private DuckDbInstance? _instance;
    private readonly Lock _lock = new();

    public BatchOptions Options => options.Value;

    public IGoldStore Store => store;

    public TailStore Tails => tails;

    public DeadLetters Letters => letters;

    public ILake Lake => lake;

    public TimeProvider Time => time;

    /// <summary>How long readers may hold what was replaced.</summary>
    public TimeSpan Grace => gold.Value.GarbageGrace;

    /// <summary>This process's own folder.</summary>
    public string Folder => _folder.Value;

    /// <summary>The DuckDB that counts.</summary>
    public DuckDbInstance Instance
    {
        get
        {
            lock (_lock)
            {
                return _instance ??= new DuckDbInstance(new DuckDbSettings
                {
                    Name = "streams",
                    Threads = 1,
                    MaxSessions = 1024,
                    MemoryMegabytes = Options.MemoryMegabytes,
                    TempDirectory = Path.Combine(Folder, "spill"),
                    MaxTempMegabytes = 16384,
                });
            }
        }
    }

    /// <summary>Is told at every step.</summary>
    public Action<BatchStep> At { get; set; } = static _ => { };

    /// <summary>The folder that a stream's events are written to; null if another lands them.</summary>
    /// <exception cref="LakeException">The table cannot take them.</exception>
    public LandingFolder? LandsIn(StreamPlan plan)
    {
        var isFolder = lakeOptions.Value is { Kind: LakeKind.DuckDb, Database.Length: 0 };
        var lands = Options.Landing switch
        {
            LandingMode.On => true,
            LandingMode.Off => false,
            _ => isFolder && streams.Value.Kind == StreamKind.Local,
        };
        return !lands ? null
            : isFolder ? LandingFolder.Of(lakeOptions.Value.Path, plan)
            : throw new LakeException($"{BatchOptions.Section}:Landing is On, and the lake is no folder.", isTransient: false);
    }

    /// <summary>The columns of a stream's events, as the lake has them, without those that follow from the event time.</summary>
    /// <exception cref="LakeException">The lake could not say.</exception>
    public async Task<ImmutableArray<EventColumn>> ColumnsAsync(StreamPlan plan, LandingFolder? folder, CancellationToken cancellationToken = default)
    {
        if (folder is not null && Directory.EnumerateFiles(folder.Path, "*.parquet", SearchOption.AllDirectories).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal).FirstOrDefault() is { } file)
        {
            await using var session = await Instance.OpenAsync(cancellationToken);
            return await session.QueryAsync(
                new SqlStatement($"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet({GoldColumns.Literal(file)}, hive_partitioning = false))"),
                reader =>
                {
                    var columns = ImmutableArray.CreateBuilder<EventColumn>();
                    while (reader.Read())
                    {
                        var (name, type) = (reader.GetString(0), reader.GetString(1));
                        columns.Add(new EventColumn(name, type, LakeColumn.TryOf(name, type)?.Column.Type));
                    }

                    return columns.ToImmutable();
                },
                cancellationToken);
        }

        var described = await lake.DescribeAsync(plan.Fact.Table, cancellationToken)
            ?? throw new LakeException($"The lake has no table '{plan.Fact.Table}', so the types of the stream {plan.Stream.Name} are not known.", isTransient: false) { IsMissing = true };
        return [.. described.Where(c => !plan.Partitions.ContainsKey(c.Name)).Select(c => new EventColumn(c.Name, c.Type.DuckDbName, c.Type))];
    }

    /// <summary>Forgets how far a shard was that the stream has no more. If it was not read to its end, windows that its records may have belonged to are not whole.</summary>
    /// <returns>False if it was at work lately: a stream keeps a shard for a day at least, so that it must be there, whatever a list says.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<bool> ForgetAsync(string stream, GoneShard shard, CancellationToken cancellationToken = default)
    {
        var name = ShardBatcher.NameOf(shard.Id, shard.Identity);
        if ((await tails.GetProgressAsync(stream, fresh: true, cancellationToken)).Shards.FirstOrDefault(s => s.Shard == name) is { LostTo: null, At: var at } && Time.GetUtcNow() - at < GoneAfter)
        {
            return false;
        }

        await tails.LeaveAsync(stream, name, cancellationToken);
        if (shard.IsRead)
        {
            await tails.ForgetAsync(stream, [name], cancellationToken);
        }
        else
        {
            var now = Time.GetUtcNow();
            await tails.LoseAsync(stream, new CountedShard { Shard = name, Identity = shard.Identity, At = now, LostTo = now + Options.MaxFuture }, cancellationToken);
        }

        await Store.DeleteAsync(GoldKeys.StreamState(stream), [GoldKeys.Escape(name)], cancellationToken);
        return true;
    }

    /// <summary>Forgets how far shards of an earlier stream of the same name were, and lost ones that no query of the tail reaches.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task ForgetOthersAsync(string stream, string identity, CancellationToken cancellationToken = default)
    {
        var others = (await tails.GetProgressAsync(stream, fresh: true, cancellationToken)).Shards.Where(s => s.Identity != identity || s.LostTo + TailStore.Retention < Time.GetUtcNow()).Select(s => s.Shard).ToList();
        if (others.Count > 0)
        {
            await tails.ForgetAsync(stream, others, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_instance is not null)
        {
            await _instance.DisposeAsync();
        }

        if (_folder.IsValueCreated)
        {
            ProcessFolder.Delete(_folder.Value);
        }
    }
}
