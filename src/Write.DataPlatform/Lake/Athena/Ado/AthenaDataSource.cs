using System.Data.Common;

namespace Write.DataPlatform.Lake.Athena.Ado;

/// <summary>Athena for programs that speak ADO.NET, over the same queries, limits and types as the lake.</summary>
/// <remarks>Athena keeps no session: a connection is a name, and costs nothing to open. There are no transactions.</remarks>
internal sealed class AthenaDataSource(AthenaQueries queries, LakeOptions options) : DbDataSource
{
    public override string ConnectionString => new DbConnectionStringBuilder
    {
        ["Workgroup"] = options.Athena.Workgroup,
        ["Catalog"] = options.Athena.Catalog,
        ["Database"] = options.Athena.Database,
    }.ConnectionString;

    internal AthenaQueries Queries => queries;

    internal string Database => options.Athena.Database;

    internal string Workgroup => options.Athena.Workgroup;

    internal int DefaultTimeout { get; } = (int)Math.Ceiling(options.QueryTimeout.TotalSeconds);

    protected override DbConnection CreateDbConnection() => new AthenaConnection(this);
}
