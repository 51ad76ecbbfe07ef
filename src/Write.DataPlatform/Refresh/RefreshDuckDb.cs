using Microsoft.Extensions.Options;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Refresh;

/// <summary>The DuckDB that checks, sorts and splits rows on their way into gold, and the folder where they lie meanwhile.</summary>
/// <remarks>It is neither the lake's, which may be elsewhere, nor the one that answers queries, which a refresh must not slow down.</remarks>
internal sealed class RefreshDuckDb : IAsyncDisposable
{
    private const string OwnerFile = "owner";

    private readonly Lazy<DuckDbInstance> _instance;
    private readonly Lazy<string> _folder;

    public RefreshDuckDb(IOptions<RefreshOptions> options)
    {
        _folder = new Lazy<string>(() => MakeFolder(Path.GetFullPath(options.Value.WorkPath)));
        _instance = new Lazy<DuckDbInstance>(() => new DuckDbInstance(new DuckDbSettings
        {
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
            Delete(_folder.Value);
        }
    }

    /// <summary>Deletes a folder; what cannot be deleted now is left to the next start.</summary>
    public static void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static string MakeFolder(string parent)
    {
        Directory.CreateDirectory(parent);
        foreach (var folder in Directory.GetDirectories(parent, "refresh-*"))
        {
            var owner = Path.Combine(folder, OwnerFile);
            if (File.Exists(owner) && ProcessIdentity.IsGone(File.ReadAllText(owner)))
            {
                Delete(folder);
            }
        }

        var own = Path.Combine(parent, "refresh-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(own);
        File.WriteAllText(Path.Combine(own, OwnerFile), ProcessIdentity.Current);
        return own;
    }
}
