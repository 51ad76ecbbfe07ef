using Microsoft.Extensions.Options;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Refresh;

/// <summary>The DuckDB that checks, sorts and splits rows on their way into gold, and the folder where they lie meanwhile.</summary>
/// <remarks>It is neither the lake's, which may be elsewhere, nor the one that answers queries, which a refresh must not slow down.</remarks>
internal sealed class RefreshDuckDb : IAsyncDisposable
{
    private readonly Lazy<DuckDbInstance> _instance;
    private readonly Lazy<string> _folder;

    public RefreshDuckDb(IOptions<RefreshOptions> options)
    {
        _folder = new Lazy<string>(() => ProcessFolder.Make(Path.GetFullPath(options.Value.WorkPath), "refresh"));
        _instance = new Lazy<DuckDbInstance>(() => new DuckDbInstance(new DuckDbSettings
        {
            Name = "refresh",
            MaxSessions = options.Value.MaxTables * options.Value.MaxPartitions,
            MemoryMegabytes = options.Value.MemoryMegabytes,
            TempDirectory = Path.Combine(_folder.Value, "spill"),
            MaxTempMegabytes = 16384,
        }));
    }

    /// <summary>The instance.</summary>
    public DuckDbInstance Instance => _instance.Value;

    /// <summary>This process's own folder.</summary>
    public string Folder => _folder.Value;

    public async ValueTask DisposeAsync()
    {
        if (_instance.IsValueCreated)
        {
            await _instance.Value.DisposeAsync();
        }

        if (_folder.IsValueCreated)
        {
            ProcessFolder.Delete(_folder.Value);
        }
    }
}
