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
    // What took long to find is good for longer, so that the looks of a refresh cost at most a tenth of its time.
    private const int Patience = 10;

    private readonly ConcurrentDictionary<string, Lazy<Task<Listing>>> _listings = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The columns that have a kind, those of partitions last; null if there is no such table.</summary>
    /// <exception cref="LakeException">The catalog could not answer.</exception>
    public async Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) =>
        await FindAsync(table, cancellationToken) is { } found
            ? [.. (found.Columns ?? []).Concat(found.PartitionKeys ?? []).Select(column => AthenaColumn.Of(column.Name ?? "", column.Type ?? "")).Where(column => column.Type is not null).Select(column => column.Result)]
            : null;

    /// <summary>
    /// What changes when the table's data in the half-open range of UTC dates may have changed, by S3's files and by the partitions that the catalog knows, because
    /// Athena reads none that is not registered; null if neither can tell: of views, of tables in other stores, and of tables whose partitions lie where a template says.
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
            var listing = await LatestAsync(table).WaitAsync(cancellationToken);
            return listing.Snapshot ?? (listing.Files is not { } found ? null : partitionColumn is null ? found.Version : found.VersionOf(partitionColumn, from, to));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw AthenaErrors.From(exception);
        }
    }

    /// <summary>Lets who asks next see the table as it is then, or was since a timestamp of the clock.</summary>
    public void Forget(string table, long before)
    {
        if (_listings.TryGetValue(table, out var known) && !(known.Value is { IsCompletedSuccessfully: true, Result: var listing } && listing.At >= before))
        {
            _listings.TryRemove(KeyValuePair.Create(table, known));
        }
    }

    /// <summary>What a look found that is not too old; callers at once share one look, which goes on without who leaves.</summary>
    private Task<Listing> LatestAsync(string table)
    {
        var known = _listings.GetValueOrDefault(table);
        if (known is null || known.Value.IsFaulted || known.Value.IsCanceled || (known.Value is { IsCompletedSuccessfully: true, Result: var listing } && time.GetElapsedTime(listing.At) >= listing.GoodFor))
        {
            var next = new Lazy<Task<Listing>>(() => ListAsync(table, CancellationToken.None));
            known = known is null ? _listings.GetOrAdd(table, next) : _listings.TryUpdate(table, next, known) ? next : _listings[table];
        }

        return known.Value;
    }

    private async Task<Listing> ListAsync(string table, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var found = await FindAsync(table, cancellationToken) ?? throw new LakeException($"The data catalog has no table '{table}'.", isTransient: false) { IsMissing = true };
        var properties = new Dictionary<string, string>(found.Parameters ?? [], StringComparer.OrdinalIgnoreCase);
        var listing = new Listing(0, default, null, null);

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
            var partitions = (await RegisteredAsync(table, found, properties, cancellationToken)).Select(path => new LakeFile(path, path, 0, 0));
            listing = listing with { Files = new LakeTable(table, [.. objects.Concat(partitions).OrderBy(file => file.RelativePath, StringComparer.Ordinal)], LakeFormat.Parquet) };
        }

        var age = time.GetElapsedTime(started) * Patience;
        return listing with { At = time.GetTimestamp(), GoodFor = age > options.ScanInterval ? age : options.ScanInterval };
    }

    /// <summary>The folders of the partitions that the catalog knows (<c>day=2026-01-15/</c>): files may lie there before a crawler registers them, and are not read until then.</summary>
    private async Task<IReadOnlyList<string>> RegisteredAsync(string table, TableMetadata found, Dictionary<string, string> properties, CancellationToken cancellationToken)
    {
        if (found.PartitionKeys is not { Count: > 0 } || string.Equals(properties.GetValueOrDefault("projection.enabled"), "true", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        // A statement of Hive's, which quotes names by backticks.
        var query = await queries.RunAsync($"SHOW PARTITIONS {string.Join('.', table.Split('.').Select(part => $"`{part.Replace("`", "``", StringComparison.Ordinal)}`"))}", options.QueryTimeout, cancellationToken);
        await using var result = await AthenaResult.OpenAsync(queries, query, cancellationToken);
        var folders = new List<string>();
        await foreach (var row in result.ReadAsync(cancellationToken))
        {
            if (row is [{ Length: > 0 } folder, ..])
            {
                folders.Add(folder + "/");
            }
        }

        return folders;
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

    /// <param name="At">When the look ended.</param>
    /// <param name="GoodFor">How long it is not repeated.</param>
    /// <param name="Snapshot">An Iceberg table's metadata.</param>
    /// <param name="Files">Other tables' files and registered partitions.</param>
    private sealed record Listing(long At, TimeSpan GoodFor, string? Snapshot, LakeTable? Files);
}
