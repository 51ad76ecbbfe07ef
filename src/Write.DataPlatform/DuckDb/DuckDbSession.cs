using System.Data.Common;
using DuckDB.NET.Data;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.DuckDb;

/// <summary>One connection to a <see cref="DuckDbInstance"/>, for one caller at a time.</summary>
internal sealed class DuckDbSession : IAsyncDisposable
{
    private readonly SemaphoreSlim _slots;
    private bool _disposed;

    internal DuckDbSession(DuckDBConnection connection, SemaphoreSlim slots)
    {
        Connection = connection;
        _slots = slots;
    }

    /// <summary>The connection, for appenders and what this class has no method for.</summary>
    public DuckDBConnection Connection { get; }

    /// <summary>Runs a statement and gives the number of rows it changed.</summary>
    /// <exception cref="DuckDBException">DuckDB refused or failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the statement was interrupted.</exception>
    public Task<int> ExecuteAsync(SqlStatement statement, CancellationToken cancellationToken = default) =>
        RunAsync(statement, command => command.ExecuteNonQuery(), cancellationToken);

    /// <summary>Runs a statement without parameters.</summary>
    public Task<int> ExecuteAsync(string sql, CancellationToken cancellationToken = default) => ExecuteAsync(new SqlStatement(sql), cancellationToken);

    /// <summary>Runs a query and hands its reader to <paramref name="read"/>, on a worker thread, while the query is live.</summary>
    /// <exception cref="DuckDBException">DuckDB refused or failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the query was interrupted.</exception>
    public Task<T> QueryAsync<T>(SqlStatement statement, Func<DbDataReader, T> read, CancellationToken cancellationToken = default) =>
        RunAsync(
            statement,
            command =>
            {
                command.UseStreamingMode = true;
                using var reader = command.ExecuteReader();
                return read(reader);
            },
            cancellationToken);

    /// <summary>The first value of the first row, or the default if there is no row or it is null.</summary>
    public Task<T?> ScalarAsync<T>(string sql, CancellationToken cancellationToken = default) =>
        QueryAsync(new SqlStatement(sql), reader => reader.Read() && !reader.IsDBNull(0) ? reader.GetFieldValue<T>(0) : default, cancellationToken);

    /// <summary>Runs blocking work on this connection, interrupting it when the token is cancelled.</summary>
    public Task<T> RunAsync<T>(SqlStatement statement, Func<DuckDBCommand, T> work, CancellationToken cancellationToken = default) =>
        Task.Run(
            () =>
            {
                using var command = Connection.CreateCommand();
                command.CommandText = statement.Text;
                foreach (var value in statement.Parameters)
                {
                    command.Parameters.Add(new DuckDBParameter(value ?? DBNull.Value));
                }

                using var registration = cancellationToken.Register(static state => ((DuckDBCommand)state!).Cancel(), command);
                try
                {
                    return work(command);
                }
                catch (Exception exception) when (cancellationToken.IsCancellationRequested && exception is not OperationCanceledException)
                {
                    throw new OperationCanceledException(exception.Message, exception, cancellationToken);
                }
            },
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            await Connection.DisposeAsync();
            _slots.Release();
        }
    }
}
