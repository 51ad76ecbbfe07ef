using System.Collections.Immutable;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>A lake in S3 that Amazon Athena reads.</summary>
internal sealed class AthenaLake(AthenaQueries queries, S3Files files, LakeOptions options, SqlDialect dialect, TimeProvider time) : ILake
{
    private readonly AthenaExporter _exporter = new(queries, files, options);
    private readonly AthenaTables _tables = new(queries, files, options, time);

    public SqlDialect Dialect => dialect;

    public TimeSpan MaxResultAge => options.Athena.ResultReuse;

    public async Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default)
    {
        var query = await queries.RunAsync(Text(statement), options.QueryTimeout, statement.Tenant, statement.MayReuse, cancellationToken);
        var result = await AthenaResult.OpenAsync(queries, query, cancellationToken);
        try
        {
            return new AthenaLakeRows(result);
        }
        catch
        {
            await result.DisposeAsync();
            throw;
        }
    }

    public Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default) =>
        _exporter.ExportAsync(Text(statement), directory, cancellationToken);

    public Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) =>
        _tables.DescribeAsync(table, cancellationToken);

    public Task<string?> GetVersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default) =>
        _tables.VersionAsync(table, partitionColumn, from, to, cancellationToken);

    public void Forget(string table, long before = long.MaxValue) => _tables.Forget(table, before);

    private static string Text(SqlStatement statement) => AthenaLiterals.Inline(statement with { Text = statement.Text.TrimEnd().TrimEnd(';') });
}
