using DuckDB.NET.Data;

namespace Write.DataPlatform.DuckDb;

/// <summary>One in-process DuckDB database and a bounded number of sessions on it.</summary>
/// <remarks>
/// In-memory tables are shared by its sessions, temporary ones are not. DuckDB blocks its caller, so every session's work runs on a worker thread,
/// and at most <see cref="DuckDbSettings.MaxSessions"/> run at once; others wait in line.
/// </remarks>
internal sealed class DuckDbInstance : IAsyncDisposable
{
    private readonly DuckDBConnection _root;
    private readonly SemaphoreSlim _slots;

    public DuckDbInstance(DuckDbSettings settings)
    {
        Settings = settings;
        _slots = new SemaphoreSlim(settings.MaxSessions);
        if (settings.TempDirectory is { } temp)
        {
            Directory.CreateDirectory(temp);
        }

        _root = new DuckDBConnection(settings.ToConnectionString());
        _root.Open();
        using var command = _root.CreateCommand();
        // The system keeps the bytes of files that are read again and again; DuckDB would keep them once more, those of deleted ones too, up to its whole memory.
        command.CommandText = "SET GLOBAL enable_external_file_cache = false; SET GLOBAL allocator_background_threads = true; SET GLOBAL TimeZone = 'UTC'" + (settings.TempDirectory is null ? "; SET GLOBAL temp_directory = ''" : "");
        command.ExecuteNonQuery();
        DuckDbMemory.Watch(_root, settings.Name);
    }

    public DuckDbSettings Settings { get; }

    /// <summary>A session of the caller's own, once one is free. Dispose it to give it back.</summary>
    public async ValueTask<DuckDbSession> OpenAsync(CancellationToken cancellationToken = default)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            var connection = _root.Duplicate();
            connection.Open();
            return new DuckDbSession(connection, _slots);
        }
        catch
        {
            _slots.Release();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        _slots.Dispose();
        DuckDbMemory.Forget(_root);
        return _root.DisposeAsync();
    }
}

/// <summary>What a DuckDB database may use.</summary>
internal sealed record DuckDbSettings
{
    /// <summary>What it is for, as <see cref="DuckDbMemory"/> tells it.</summary>
    public string Name { get; init; } = "other";

    /// <summary>Sessions that may be open at once.</summary>
    public int MaxSessions { get; init; } = 2 * Environment.ProcessorCount;

    /// <summary>Worker threads of one query; 1 gives the most queries a second, more the fastest single one.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Memory, in MiB.</summary>
    public int MemoryMegabytes { get; init; } = 1024;

    /// <summary>Where queries spill what does not fit in memory; null for nowhere.</summary>
    public string? TempDirectory { get; init; }

    /// <summary>How much they may spill, in MiB.</summary>
    public int MaxTempMegabytes { get; init; } = 4096;

    internal string ToConnectionString() =>
        "DataSource=:memory:"
        + $";threads={Threads};memory_limit={MemoryMegabytes}MiB"
        + (TempDirectory is null ? "" : $";temp_directory={TempDirectory};max_temp_directory_size={MaxTempMegabytes}MiB")
        + ";autoinstall_known_extensions=false;autoload_known_extensions=false";
}
