using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>A result's rows in the CLR types of <see cref="ColumnKind"/>. The query is over, so nothing runs on when it is disposed.</summary>
internal sealed class AthenaLakeRows : LakeRows
{
    private readonly AthenaResult _result;

    /// <exception cref="LakeException">A column has no kind.</exception>
    public AthenaLakeRows(AthenaResult result)
    {
        _result = result;
        Columns = [.. result.Columns.Select(column => column.Result)];
    }

    public override ImmutableArray<ResultColumn> Columns { get; }

    public override string QueryId => _result.Query.QueryExecutionId ?? "";

    public override long BytesScanned => _result.BytesScanned;

    public override async IAsyncEnumerable<object?[]> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var texts in _result.ReadAsync(cancellationToken))
        {
            yield return Parse(_result.Columns, texts);
        }
    }

    public override ValueTask DisposeAsync() => _result.DisposeAsync();

    internal static object?[] Parse(ImmutableArray<AthenaColumn> columns, string?[] texts)
    {
        var row = new object?[texts.Length];
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = texts[i] is { } text ? columns[i].Parse(text) : null;
        }

        return row;
    }
}
