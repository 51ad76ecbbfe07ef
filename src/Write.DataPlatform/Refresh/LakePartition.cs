using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>The rows of one partition as the lake gave them, readable in one session for as long as their files are there.</summary>
internal sealed class LakePartition
{
    private readonly DuckDbSession _session;
    private readonly GoldDefinition _definition;

    private LakePartition(DuckDbSession session, GoldDefinition definition, string source) => (_session, _definition, Source) = (session, definition, source);

    /// <summary>What stands after FROM for the rows of all tenants.</summary>
    public string Source { get; }

    /// <summary>Makes an export readable. For many tenants its rows are sorted first, so that each reads its own alone.</summary>
    public static async Task<LakePartition> OpenAsync(DuckDbSession session, GoldDefinition definition, LakeExport export, CancellationToken cancellationToken = default)
    {
        var files = $"read_parquet({GoldColumns.Files(export.Files)})";
        if (definition.Table.Audience != Model.Audience.External)
        {
            return new LakePartition(session, definition, files);
        }

        await session.ExecuteAsync($"CREATE OR REPLACE TEMP TABLE lake_rows AS SELECT * FROM {files} ORDER BY {GoldDefinition.TenantKey}", cancellationToken);
        return new LakePartition(session, definition, "lake_rows");
    }

    /// <summary>The SELECT of the rows to store of one tenant; of all rows for an internal table. It holds until the next tenant is asked for.</summary>
    public async Task<string> CompileStoreAsync(string? tenant, CancellationToken cancellationToken = default)
    {
        if (tenant is null)
        {
            return _definition.CompileStore(Source);
        }

        await _session.ExecuteAsync(
            $"CREATE OR REPLACE TEMP VIEW tenant_rows AS SELECT * FROM {Source} WHERE {GoldDefinition.TenantKey} = {GoldColumns.Literal(_definition.TenantKeys[tenant])}", cancellationToken);
        return _definition.CompileStore("tenant_rows");
    }
}
