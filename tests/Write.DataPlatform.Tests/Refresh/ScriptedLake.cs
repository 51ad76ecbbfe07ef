using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>A lake that only knows its first event and its versions.</summary>
internal sealed class ScriptedLake : ILake
{
    public DateTime? First { get; set; }

    /// <summary>Null for a lake without versions.</summary>
    public Func<string, DateOnly?, DateOnly?, string?> Version { get; set; } = (_, _, _) => null;

    public List<(string Table, string? Column, DateOnly? From, DateOnly? To)> Asked { get; } = [];

    public int Queries { get; private set; }

    public SqlDialect Dialect => DuckDbDialect.Instance;

    public static DateOnly Date(string text) => DateOnly.Parse(text, CultureInfo.InvariantCulture);

    public Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default)
    {
        Queries++;
        return Task.FromResult<LakeRows>(new OneValue(First));
    }

    public Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<string?> GetVersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default)
    {
        Asked.Add((table, partitionColumn, from, to));
        return Task.FromResult(Version(table, from, to));
    }

    private sealed class OneValue(object? value) : LakeRows
    {
        public override ImmutableArray<ResultColumn> Columns => [new ResultColumn("first", new ColumnType(ColumnKind.Timestamp)), new ResultColumn("last", new ColumnType(ColumnKind.Timestamp))];

        public override string QueryId => "scripted";

        public override async IAsyncEnumerable<object?[]> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            yield return [value, value];
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
