using System.Collections.Immutable;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake;

/// <summary>The events as they were written: tables that answer SQL of one dialect.</summary>
/// <remarks>
/// Every column of an answer has one of the <see cref="ColumnKind"/>s: wider engine types are narrowed without loss or the query fails
/// (a sum beyond 64 bits, for example), never rounded.
/// </remarks>
public interface ILake
{
    /// <summary>The dialect it understands.</summary>
    SqlDialect Dialect { get; }

    /// <summary>Runs a SELECT and streams its rows.</summary>
    /// <exception cref="LakeException">The lake could not answer.</exception>
    Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default);

    /// <summary>Runs a SELECT and leaves its rows as Parquet files in a local folder, which must be empty; for results of any size.</summary>
    /// <exception cref="LakeException">The lake could not answer; the folder holds nothing of use.</exception>
    Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default);

    /// <summary>The columns of a table, or null if there is no such table.</summary>
    /// <exception cref="LakeException">The lake could not answer.</exception>
    Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default);

    /// <summary>
    /// A value that changes when the table's rows in the half-open range of UTC dates may have changed, or null if the lake cannot tell.
    /// Null bounds are open. The range restricts only tables whose partition column is named.
    /// </summary>
    /// <exception cref="LakeException">The lake could not answer.</exception>
    Task<string?> GetVersionAsync(
        string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default);

    /// <summary>How much earlier than it was asked for an answer may have been made.</summary>
    TimeSpan MaxResultAge => TimeSpan.Zero;

    /// <summary>What is remembered of a table is not true any more: who asks next sees its files as they are then. A lake that remembers none has nothing to do.</summary>
    /// <param name="table">The table.</param>
    /// <param name="before">What was seen later than this may stay, a timestamp of the process's clock.</param>
    void Forget(string table, long before = long.MaxValue)
    {
    }
}

/// <summary>Rows on their way from the lake. Dispose it to end the query.</summary>
public abstract class LakeRows : IAsyncDisposable
{
    /// <summary>The columns in order.</summary>
    public abstract ImmutableArray<ResultColumn> Columns { get; }

    /// <summary>The engine's name for this query, for its log.</summary>
    public abstract string QueryId { get; }

    /// <summary>Bytes read by the lake; 0 if the engine does not say.</summary>
    public virtual long BytesScanned => 0;

    /// <summary>The rows, once; every array is the caller's own. Values have the CLR types of <see cref="ColumnKind"/>.</summary>
    public abstract IAsyncEnumerable<object?[]> ReadAsync(CancellationToken cancellationToken = default);

    /// <inheritdoc />
    public abstract ValueTask DisposeAsync();
}

/// <summary>A result left as Parquet files.</summary>
/// <param name="Files">The files' paths.</param>
/// <param name="Columns">Their columns.</param>
/// <param name="Rows">All rows.</param>
/// <param name="QueryId">The engine's name for the query.</param>
/// <param name="BytesScanned">Bytes read by the lake; 0 if the engine does not say.</param>
public sealed record LakeExport(ImmutableArray<string> Files, ImmutableArray<ResultColumn> Columns, long Rows, string QueryId, long BytesScanned);

/// <summary>The lake failed to answer.</summary>
public sealed class LakeException(string message, bool isTransient, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Whether the same query may succeed later.</summary>
    public bool IsTransient { get; } = isTransient;

    /// <summary>Whether the table, or the whole lake, is not there: trying again at once is of no use, and it answers as soon as it is brought back.</summary>
    public bool IsMissing { get; init; }
}
