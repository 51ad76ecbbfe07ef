using System.Collections.Immutable;
using System.Data.Common;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Insights;

/// <summary>Computes with the rows of answers.</summary>
internal sealed class AnswerRows(ServingDuckDb serving)
{
    /// <summary>The session's table of the rows.</summary>
    public const string Table = "answer_rows";

    /// <summary>Runs a query over rows and hands its reader to <paramref name="read"/> on a worker thread.</summary>
    /// <param name="columns">The rows' columns.</param>
    /// <param name="rows">The rows, in the CLR types of <see cref="ColumnKind"/>.</param>
    /// <param name="compile">Gives the statement, given the source of its rows.</param>
    /// <param name="read">Reads the answer.</param>
    /// <param name="cancellationToken">Interrupts the query.</param>
    public async Task<T> QueryAsync<T>(
        ImmutableArray<RowColumn> columns, IReadOnlyList<object?[]> rows, Func<Func<SqlWriter, RowSource>, SqlStatement> compile, Func<DbDataReader, T> read, CancellationToken cancellationToken = default)
    {
        await using var session = await serving.Instance.OpenAsync(cancellationToken);
        await LoadAsync(session, columns.Select(c => (c.Name, c.Type.DuckDbName)), rows, cancellationToken);
        return await session.QueryAsync(compile(_ => new RowSource(Table, columns)), read, cancellationToken);
    }

    /// <summary>Puts rows into <see cref="Table"/>, whose columns have DuckDB's types.</summary>
    public static async Task LoadAsync(DuckDbSession session, IEnumerable<(string Name, string Type)> columns, IReadOnlyList<object?[]> rows, CancellationToken cancellationToken = default)
    {
        await session.ExecuteAsync($"CREATE TEMP TABLE {Table} ({string.Join(", ", columns.Select(c => DuckDbDialect.Instance.Quote(c.Name) + " " + c.Type))})", cancellationToken);
        using var appender = session.Connection.CreateAppender(Table);
        foreach (var values in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var row = appender.CreateRow();
            foreach (var value in values)
            {
                row.Append(value);
            }

            row.EndRow();
        }
    }
}
