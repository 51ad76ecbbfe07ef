using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The lake over the fakes of the wire, with a clock that stands still.</summary>
internal sealed class AthenaWorld : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athena-tests-").FullName;
    private readonly List<IDisposable> _clients = [];

    private AthenaWorld(FakeAthena athena) => Athena = athena;

    public FakeAthena Athena { get; }

    public FakeS3 S3 { get; private set; } = null!;

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public LakeOptions Options { get; } = new() { Kind = LakeKind.Athena, QueryTimeout = TimeSpan.FromDays(7) }; // the clock runs on while an answer is under way, far on a slow machine

    public AthenaQueries Queries { get; private set; } = null!;

    public AthenaLake Lake { get; private set; } = null!;

    public string Export => Path.Combine(_folder, "export");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<AthenaWorld> StartAsync(Action<LakeOptions>? options = null, TimeSpan? timeout = null)
    {
        var world = new AthenaWorld(await FakeAthena.StartAsync());
        world.S3 = await FakeS3.StartAsync(Path.Combine(world._folder, "s3"));
        world.Options.WorkPath = Path.Combine(world._folder, "work");
        options?.Invoke(world.Options);
        var athena = world.Athena.Client(retries: 1, timeout);
        var s3 = world.S3.Client();
        world._clients.AddRange([athena, s3]);
        world.Queries = new AthenaQueries(athena, world.Options.Athena, world.Time);
        world.Lake = new AthenaLake(world.Queries, new S3Files(s3, world.Queries.Retries), world.Options, DuckDbDialect.Instance, world.Time);
        return world;
    }

    /// <summary>Lets time pass until a task is over.</summary>
    public async Task<T> PassAsync<T>(Task<T> task, TimeSpan? step = null)
    {
        for (var i = 0; i < 20_000 && !task.IsCompleted; i++)
        {
            Time.Advance(step ?? TimeSpan.FromSeconds(3));
            await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel));
        }

        Assert.True(task.IsCompleted, "It does not come to an end.");
        return await task;
    }

    public Task<List<object?[]>> RowsAsync(string sql = "SELECT 1") => PassAsync(ReadAsync(sql, Cancel));

    public async Task<List<object?[]>> ReadAsync(string sql, CancellationToken cancellationToken)
    {
        await using var rows = await Lake.QueryAsync(new SqlStatement(sql), cancellationToken);
        List<object?[]> all = [];
        await foreach (var row in rows.ReadAsync(cancellationToken))
        {
            all.Add(row);
        }

        return all;
    }

    /// <summary>Waits for what another thread brings about.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 1_000 && !condition(); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancel);
        }

        Assert.True(condition());
    }

    public async ValueTask DisposeAsync()
    {
        await Queries.DisposeAsync();
        _clients.ForEach(client => client.Dispose());
        await Athena.DisposeAsync();
        await S3.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
