using System.Collections.Immutable;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>A lake that counts and fails as a test wants.</summary>
internal sealed class FaultyLake(ILake inner) : ILake
{
    private int _exports;

    /// <summary>Called before each export with its number, from 1, and its SQL; what it throws is thrown.</summary>
    public Func<int, string, CancellationToken, Task> BeforeExport { get; set; } = (_, _, _) => Task.CompletedTask;

    /// <summary>Changes what was exported.</summary>
    public Func<LakeExport, LakeExport> AfterExport { get; set; } = export => export;

    public bool HasVersions { get; set; } = true;

    public int Exports => Volatile.Read(ref _exports);

    public SqlDialect Dialect => inner.Dialect;

    public Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default) => inner.QueryAsync(statement, cancellationToken);

    public async Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default)
    {
        await BeforeExport(Interlocked.Increment(ref _exports), statement.Text, cancellationToken);
        return AfterExport(await inner.ExportAsync(statement, directory, cancellationToken));
    }

    public Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) => inner.DescribeAsync(table, cancellationToken);

    public void Forget(string table, long before = long.MaxValue) => inner.Forget(table, before);

    public async Task<string?> GetVersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default) =>
        HasVersions ? await inner.GetVersionAsync(table, partitionColumn, from, to, cancellationToken) : null;
}
