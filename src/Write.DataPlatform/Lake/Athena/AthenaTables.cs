using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>What the data catalog says of tables, and what S3 says of their files.</summary>
internal sealed class AthenaTables(AthenaQueries queries, S3Files files, LakeOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Listing> _listings = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The columns that have a kind, those of partitions last; null if there is no such table.</summary>
    /// <exception cref="LakeException">The catalog could not answer.</exception>
    public async Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) =>
        await FindAsync(table, cancellationToken) is { } found
            ? [.. (found.Columns ?? []).Concat(found.PartitionKeys ?? []).Select(column => AthenaColumn.Of(column.Name ?? "", column.Type ?? "")).Where(column => column.Type is not null).Select(column => column.Result)]
            : null;

    /// <summary>
    /// What changes when the table's data in the half-open range of UTC dates may have changed; null if neither the catalog nor S3 can tell:
    /// of views, of tables in other stores, and of tables whose partitions lie where a template says.
    /// </summary>
    /// <exception cref="LakeException">The catalog or S3 could not answer, or there is no such table.</exception>
    public async Task<string?> VersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default)
    {
        if (!options.Athena.TableVersions)
        {
            return null;
        }

        try
        {
            var listing = _listings.TryGetValue(table, out var known) && time.GetElapsedTime(known.At) < options.ScanInterval ? known : await ListAsync(table, cancellationToken);
            return listing.Snapshot ?? (listing.Files is not { } found ? null : partitionColumn is null ? found.Version : found.VersionOf(partitionColumn, from, to));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw AthenaErrors.From(exception);
        }
    }

    private async Task<Listing> ListAsync(string table, CancellationToken cancellationToken)
    {
        var at = time.GetTimestamp();
        var found = await FindAsync(table, cancellationToken) ?? throw new LakeException($"The data catalog has no table '{table}'.", isTransient: false) { IsMissing = true };
        var properties = new Dictionary<string, string>(found.Parameters ?? [], StringComparer.OrdinalIgnoreCase);
        var listing = new Listing(at, null, null);

        // Iceberg's catalog entry names the current snapshot's metadata: every commit names another.
        if (properties.TryGetValue("metadata_location", out var metadata))
        {
            listing = listing with { Snapshot = metadata };
        }
        else if (!IsView(found) && !properties.ContainsKey("storage.location.template") && S3Location.TryParse(properties.GetValueOrDefault("location")) is { } location)
        {
            var folder = location.AsFolder();
            var objects = (await files.ListAsync(folder, cancellationToken))
                .Select(file => (file, path: file.Key[folder.Key.Length..]))
                .Where(file => file.path.Length > 0 && !file.path.EndsWith('/') && !file.path.Split('/').Any(IsHidden))
                .Select(file => new LakeFile(file.file.Key, file.path, file.file.Bytes, (long)XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(file.file.ETag))));
            listing = listing with { Files = new LakeTable(table, [.. objects.OrderBy(file => file.RelativePath, StringComparer.Ordinal)], LakeFormat.Parquet) };
        }

        return _listings[table] = listing;
    }

    private async Task<TableMetadata?> FindAsync(string table, CancellationToken cancellationToken)
    {
        var parts = table.Split('.');
        if (parts.Length > 2 || parts.Any(part => part.Length == 0))
        {
            return null;
        }

        try
        {
            var response = await queries.Retries.ExecuteAsync(
                async token => await queries.Client.GetTableMetadataAsync(
                    new GetTableMetadataRequest
                    {
                        CatalogName = options.Athena.Catalog,
                        DatabaseName = parts.Length == 2 ? parts[0] : options.Athena.Database,
                        TableName = parts[^1],
                        WorkGroup = options.Athena.Workgroup,
                    },
                    token),
                cancellationToken);
            return response.TableMetadata;
        }
        catch (MetadataException exception) when (AthenaErrors.From(exception).IsMissing)
        {
            return null;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw AthenaErrors.From(exception);
        }
    }

    private static bool IsView(TableMetadata table) => table.TableType?.Contains("VIEW", StringComparison.OrdinalIgnoreCase) == true;

    // As Hive has it, and the folder marks of old tools.
    private static bool IsHidden(string name) => name.StartsWith('.') || (name.StartsWith('_') && !name.Contains('=', StringComparison.Ordinal)) || name.EndsWith("_$folder$", StringComparison.Ordinal);

    private sealed record Listing(long At, string? Snapshot, LakeTable? Files);
}
