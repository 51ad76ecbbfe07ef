using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Lake.Athena.Client;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>The rows of a query that succeeded, page by page, the next page on its way while one is read.</summary>
internal sealed class AthenaResult : IAsyncDisposable
{
    // The most that Athena gives; the header of the first page counts.
    private const int PageRows = 1000;

    private readonly AthenaQueries _queries;
    private readonly CancellationTokenSource _ended = new();
    private GetQueryResultsResponse _page;
    private bool _isRead;
    private int _isDisposed;

    private AthenaResult(AthenaQueries queries, QueryExecution query, GetQueryResultsResponse first)
    {
        _queries = queries;
        Query = query;
        _page = first;
        Columns = [.. (first.ResultSet?.ResultSetMetadata?.ColumnInfo ?? []).Select(AthenaColumn.Of)];
    }

    public QueryExecution Query { get; }

    public ImmutableArray<AthenaColumn> Columns { get; }

    /// <summary>Rows that an INSERT or the like changed.</summary>
    public long? UpdateCount => _page.UpdateCount;

    /// <summary>Bytes that Athena read for it.</summary>
    public long BytesScanned => AthenaQueries.Scanned(Query);

    /// <exception cref="LakeException">The first page could not be read.</exception>
    public static async Task<AthenaResult> OpenAsync(AthenaQueries queries, QueryExecution query, CancellationToken cancellationToken = default)
    {
        try
        {
            return new AthenaResult(queries, query, await FetchAsync(queries, query, null, cancellationToken));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw AthenaErrors.From(exception);
        }
    }

    /// <summary>The rows, once, as texts; null is null.</summary>
    /// <exception cref="LakeException">A page could not be read.</exception>
    public async IAsyncEnumerable<string?[]> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (_isRead)
        {
            throw new InvalidOperationException("Rows are read once.");
        }

        _isRead = true;
        for (var isFirst = true; ; isFirst = false)
        {
            var rows = _page.ResultSet?.Rows ?? [];
            var next = _page.NextToken is { Length: > 0 } token ? FetchAsync(_queries, Query, token, _ended.Token) : null;
            for (var i = isFirst && IsHeader(rows) ? 1 : 0; i < rows.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return Values(rows[i]);
            }

            if (next is null)
            {
                yield break;
            }

            try
            {
                _page = await next.WaitAsync(cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw AthenaErrors.From(exception);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await _ended.CancelAsync();
            _ended.Dispose();
        }
    }

    private static Task<GetQueryResultsResponse> FetchAsync(AthenaQueries queries, QueryExecution query, string? page, CancellationToken cancellationToken) =>
        queries.Retries.ExecuteAsync(
            async token => await queries.Client.GetQueryResultsAsync(
                new GetQueryResultsRequest { QueryExecutionId = query.QueryExecutionId, NextToken = page, MaxResults = PageRows }, token),
            cancellationToken).AsTask();

    /// <summary>The first row of a SELECT is its header; that of other statements is data, whatever it says.</summary>
    private bool IsHeader(List<Row> rows) =>
        rows.Count > 0 && Query.StatementType is null or "DML" && rows[0].Data is { } data && data.Select(datum => datum.VarCharValue).SequenceEqual(Columns.Select(column => column.Name));

    private string?[] Values(Row row)
    {
        var data = row.Data ?? [];
        if (data.Count != Columns.Length)
        {
            throw new LakeException($"Athena gave a row of {data.Count} values for {Columns.Length} columns.", isTransient: true);
        }

        var values = new string?[data.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = data[i].VarCharValue;
        }

        return values;
    }
}
