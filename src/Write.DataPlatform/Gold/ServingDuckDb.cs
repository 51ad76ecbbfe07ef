using Microsoft.Extensions.Options;
using Write.DataPlatform.DuckDb;

namespace Write.DataPlatform.Gold;

/// <summary>The process's one DuckDB that answers queries: the gold cache and the finish of every query live in it.</summary>
/// <remarks>One thread a query gives the most queries a second.</remarks>
internal sealed class ServingDuckDb : IAsyncDisposable
{
    public ServingDuckDb(IOptions<GoldOptions> options, GoldTempFolder temp)
    {
        Instance = new DuckDbInstance(new DuckDbSettings
        {
            Name = "serving",
            Threads = 1,
            MemoryMegabytes = Math.Max(256, 2 * options.Value.CacheMegabytes),
            TempDirectory = temp.SpillPath,
        });
    }

    /// <summary>The instance.</summary>
    public DuckDbInstance Instance { get; }

    public ValueTask DisposeAsync() => Instance.DisposeAsync();
}
