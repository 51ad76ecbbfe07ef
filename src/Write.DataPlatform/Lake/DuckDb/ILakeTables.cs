using Write.DataPlatform.DuckDb;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>Where a DuckDB lake's tables come from.</summary>
internal interface ILakeTables : IDisposable
{
    /// <summary>The database file whose tables they are; null if there is none.</summary>
    string? Database { get; }

    /// <summary>The folder that statements read; null for none.</summary>
    string? Folder { get; }

    /// <summary>Sees to it that a statement finds its tables, and gives a stamp that changes when their shape may have.</summary>
    /// <param name="session">Where the statement will run.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="key">A text that statements with the same tables may share.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LakeException">A table is not there or cannot be read, or the text is no single SELECT.</exception>
    Task<string> PrepareAsync(DuckDbSession session, string sql, string key, CancellationToken cancellationToken);

    /// <summary>Whether there is such a table.</summary>
    /// <exception cref="LakeException">The whole lake is not there.</exception>
    Task<bool> HasAsync(DuckDbSession session, string table, CancellationToken cancellationToken);

    /// <summary>See <see cref="ILake.Forget"/>.</summary>
    void Forget(string table, long before);

    /// <summary>See <see cref="ILake.GetVersionAsync"/>.</summary>
    /// <exception cref="LakeException">There is no such table.</exception>
    string? Version(string table, string? partitionColumn, DateOnly? from, DateOnly? to);
}
