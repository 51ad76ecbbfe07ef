using System.Data.Common;

namespace Write.DataPlatform.Lake.Athena.Ado;

/// <summary>Athena for programs that speak ADO.NET, over the same queries, limits and types as the lake.</summary>
/// <remarks>Athena keeps no session: a connection is a name, and costs nothing to open. There are no transactions.</remarks>
public sealed class AthenaDataSource : DbDataSource
{
    private readonly AthenaOptions _options;

    internal AthenaDataSource(AthenaQueries queries, LakeOptions options)
    {
        Queries = queries;
        _options = options.Athena;
        DefaultTimeout = (int)Math.Ceiling(options.QueryTimeout.TotalSeconds);
    }

    /// <inheritdoc />
    public override string ConnectionString => new DbConnectionStringBuilder
    {
        ["Workgroup"] = _options.Workgroup,
        ["Catalog"] = _options.Catalog,
        ["Database"] = _options.Database,
    }.ConnectionString;

    internal AthenaQueries Queries { get; }

    internal string Database => _options.Database;

    internal string Workgroup => _options.Workgroup;

    internal int DefaultTimeout { get; }

    /// <inheritdoc />
    protected override DbConnection CreateDbConnection() => new AthenaConnection(this);
}
