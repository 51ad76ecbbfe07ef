using System.Collections.Immutable;
using System.Data.Common;
using System.Runtime.CompilerServices;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>Rows of a running DuckDB query, pulled in batches on a worker thread; between batches nothing runs.</summary>
internal sealed class DuckDbLakeRows(
    ImmutableArray<ResultColumn> columns, string queryId, DuckDbSession session, DuckDBCommand command, DbDataReader reader, QueryClock clock) : LakeRows
{
    private const int BatchRows = 1024;

    public override ImmutableArray<ResultColumn> Columns => columns;

    public override string QueryId => queryId;

    public override async IAsyncEnumerable<object?[]> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (var isLast = false; !isLast;)
        {
            List<object?[]> batch = new(BatchRows);
            using (clock.Interrupt(command, cancellationToken))
            {
                try
                {
                    isLast = await Task.Run(() => Fill(batch), cancellationToken);
                }
                catch (Exception exception)
                {
                    throw clock.Explain(exception, cancellationToken);
                }
            }

            foreach (var row in batch)
            {
                yield return row;
            }
        }
    }

    private bool Fill(List<object?[]> batch)
    {
        while (batch.Count < BatchRows)
        {
            if (!reader.Read())
            {
                return true;
            }

            var row = new object?[columns.Length];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = reader.IsDBNull(i) ? null : Value(i);
            }

            batch.Add(row);
        }

        return false;
    }

    private object Value(int i) => columns[i].Type.Kind switch
    {
        ColumnKind.String => reader.GetString(i),
        ColumnKind.Boolean => reader.GetBoolean(i),
        ColumnKind.Int64 => reader.GetInt64(i),
        ColumnKind.Double => reader.GetDouble(i),
        ColumnKind.Decimal => reader.GetDecimal(i),
        ColumnKind.Date => reader.GetFieldValue<DateOnly>(i),
        _ => DateTime.SpecifyKind(reader.GetDateTime(i), DateTimeKind.Utc),
    };

    public override async ValueTask DisposeAsync()
    {
        await reader.DisposeAsync();
        await command.DisposeAsync();
        await session.DisposeAsync();
        clock.Dispose();
    }
}

/// <summary>How long one query may run, and what to say when it was stopped.</summary>
internal sealed class QueryClock(TimeSpan timeout, TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _source = new(timeout, time);

    public CancellationTokenSource Link(CancellationToken cancellationToken) => CancellationTokenSource.CreateLinkedTokenSource(_source.Token, cancellationToken);

    /// <summary>Interrupts the command when the time is over or the caller gives up.</summary>
    public IDisposable Interrupt(DuckDBCommand command, CancellationToken cancellationToken)
    {
        var linked = Link(cancellationToken);
        linked.Token.Register(static state => ((DuckDBCommand)state!).Cancel(), command);
        return linked;
    }

    public Exception Explain(Exception exception, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? new OperationCanceledException(exception.Message, exception, cancellationToken)
        : _source.IsCancellationRequested ? new LakeException($"The lake query took longer than {timeout} and was stopped.", isTransient: false, exception)
        : LakeErrors.From(exception);

    public void Dispose() => _source.Dispose();
}
