using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Refresh;

/// <summary>Compares stored partitions with the lake, cell by cell. Nothing is changed.</summary>
internal sealed class GoldVerifier(ModelStore models, ILake lake, GoldTables tables, RefreshPlanner planner, RefreshDuckDb database, TimeProvider time)
{
    /// <summary>How many differences of a table are listed; all are counted.</summary>
    public const int MaxListed = 100;

    private const string ReplacedMeanwhile = "replacedMeanwhile";
    private const string LakeChanged = "lakeChanged";
    private const string Removed = "removed";

    /// <param name="table">The gold table.</param>
    /// <param name="range">Which partitions.</param>
    /// <param name="progress">Told as periods are compared; may be null.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RefreshException">There is no such table, it cannot be computed, or its rows do not fit in memory and on disk.</exception>
    /// <exception cref="LakeException">The lake could not give the rows.</exception>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<GoldVerification> VerifyAsync(string table, RefreshRange range, IProgress<(int Done, int Total, string What)>? progress = null, CancellationToken cancellationToken = default)
    {
        var definition = RefreshService.Definition(models.Current, table);
        List<GoldManifest> manifests = [];
        foreach (var tenant in RefreshPlanner.Tenants(definition))
        {
            manifests.Add(await tables.GetManifestAsync(table, tenant, fresh: true, cancellationToken));
        }

        var now = time.GetUtcNow();
        var plan = await planner.PlanAsync(definition, manifests, range with { Full = false }, now, now, cancellationToken);
        var ends = plan.Stale.ToDictionary(s => s.Period.Name, s => s.Ends, StringComparer.Ordinal);
        var removed = plan.Removed.ToHashSet();
        var periods = plan.Periods.Concat(manifests.SelectMany(m => m.Partitions.Values).Select(p => new PartitionPeriod(p.Period, p.From, p.To)))
            .Where(p => p.Overlaps(range.From, range.To)).DistinctBy(p => p.Name).OrderBy(p => p.From).ThenBy(p => p.Name, StringComparer.Ordinal).ToList();
        var found = new Findings();
        foreach (var (index, period) in periods.Index())
        {
            progress?.Report((index, periods.Count, period.Name));
            var version = await planner.VersionAsync(definition, period, cancellationToken);
            List<(GoldManifest Manifest, GoldPartition Partition)> compared = [];
            var bounds = await planner.BoundsAsync(definition, period, cancellationToken: cancellationToken);
            foreach (var manifest in manifests)
            {
                var partition = manifest.Partitions.GetValueOrDefault(period.Name);
                var reason = RefreshPlanner.Reason(definition, period, manifest.Tenant, partition, version, ends.GetValueOrDefault(period.Name), now, now, full: false, bounds, now);
                if (reason == RefreshReason.Stream && partition!.LakeVersion == version)
                {
                    // It is what the lake had before the cut, which can be compared though a refresh would take more.
                    reason = null;
                }

                if (partition is null)
                {
                    found.Add(manifest.Tenant, period.Name, VerifiedState.Missing, null, 0);
                }
                else if (removed.Contains((manifest.Tenant, period.Name)))
                {
                    found.Add(manifest.Tenant, period.Name, VerifiedState.Stale, Removed, partition.Rows);
                }
                else if (reason is not null)
                {
                    found.Add(manifest.Tenant, period.Name, VerifiedState.Stale, JsonNamingPolicy.CamelCase.ConvertName(reason.Value.ToString()), partition.Rows);
                }
                else
                {
                    compared.Add((manifest, partition));
                }
            }

            foreach (var alike in compared.GroupBy(c => string.Join(';', c.Partition.Cuts?.Select(cut => $"{cut.Key}={cut.Value.UtcTicks}") ?? [])))
            {
                await ComparePeriodAsync(definition, period, version, [.. alike], found, cancellationToken);
            }
        }

        progress?.Report((periods.Count, periods.Count, ""));
        return new GoldVerification(table, [.. found.Partitions], [.. found.Differences]);
    }

    private async Task ComparePeriodAsync(
        GoldDefinition definition,
        PartitionPeriod period,
        string? version,
        IReadOnlyList<(GoldManifest Manifest, GoldPartition Partition)> compared,
        Findings found,
        CancellationToken cancellationToken)
    {
        var folder = Path.Combine(database.Folder, "verify-" + Guid.NewGuid().ToString("N"));
        try
        {
            var export = await lake.ExportAsync(definition.CompileLake(lake.Dialect, period.From, period.To, compared[0].Partition.Cuts), Path.Combine(folder, "lake"), cancellationToken);
            planner.Forget(definition);
            if (await planner.VersionAsync(definition, period, cancellationToken) != version)
            {
                // What the export holds is newer than what the version promised, so no difference would prove anything.
                foreach (var (manifest, partition) in compared)
                {
                    found.Add(manifest.Tenant, period.Name, VerifiedState.Stale, LakeChanged, partition.Rows);
                }

                return;
            }

            await using var session = await database.Instance.OpenAsync(cancellationToken);
            var rows = await LakePartition.OpenAsync(session, definition, export, cancellationToken);
            foreach (var (index, (manifest, partition)) in compared.Index())
            {
                try
                {
                    // DuckDB remembers files by their names, so none is used twice.
                    var files = await LoadAsync(manifest, partition, Path.Combine(folder, $"gold-{index.ToString(CultureInfo.InvariantCulture)}-"), cancellationToken);
                    var wanted = await rows.CompileStoreAsync(manifest.Tenant, cancellationToken);
                    await CompareAsync(session, definition, manifest.Tenant, partition, $"SELECT * FROM read_parquet({GoldColumns.Files(files)})", wanted, found, cancellationToken);
                    files.ForEach(File.Delete);
                }
                catch (DuckDBException exception)
                {
                    throw new RefreshException($"{definition.Table.Name} {period.Name} could not be compared: {exception.Message}", exception);
                }
                catch (GoldStoreException exception) when (exception.IsTransient)
                {
                    found.Add(manifest.Tenant, period.Name, VerifiedState.Stale, ReplacedMeanwhile, partition.Rows);
                }
                catch (GoldStoreException exception)
                {
                    found.Add(manifest.Tenant, period.Name, VerifiedState.Damaged, exception.Message, partition.Rows);
                }
            }
        }
        finally
        {
            ProcessFolder.Delete(folder);
        }
    }

    private async Task<List<string>> LoadAsync(GoldManifest manifest, GoldPartition partition, string prefix, CancellationToken cancellationToken)
    {
        List<string> files = [];
        await foreach (var loaded in tables.GetSegmentsAsync(manifest, [partition], cancellationToken))
        {
            foreach (var segment in loaded.Segments)
            {
                files.Add($"{prefix}{files.Count.ToString(CultureInfo.InvariantCulture)}.parquet");
                await File.WriteAllBytesAsync(files[^1], segment, cancellationToken);
            }
        }

        return files;
    }

    private static async Task CompareAsync(
        DuckDbSession session, GoldDefinition definition, string? tenant, GoldPartition partition, string gold, string wanted, Findings found, CancellationToken cancellationToken)
    {
        var (stored, given) = (await GoldColumns.DescribeAsync(session, gold, cancellationToken), await GoldColumns.DescribeAsync(session, wanted, cancellationToken));
        var before = found.Count;
        if (stored.SequenceEqual(given))
        {
            ImmutableArray<string> keys = [GoldDefinition.Bucket, .. definition.Dimensions];
            ImmutableArray<ResultColumn> values = [.. given.Where(c => !keys.Contains(c.Name))];
            await session.QueryAsync(
                new SqlStatement(CompareSql(gold, wanted, keys, values, definition.States)),
                reader =>
                {
                    while (reader.Read())
                    {
                        string? Text(int i) => reader.IsDBNull(i) ? null : reader.GetString(i);
                        var key = keys.Select((name, i) => new KeyCell(name, Text(i))).ToImmutableArray();
                        var (inGold, inLake) = (reader.GetBoolean(keys.Length), reader.GetBoolean(keys.Length + 1));
                        if (inGold != inLake)
                        {
                            found.Add(new CellDifference(tenant, partition.Period, key, null, inGold ? "row" : null, inLake ? "row" : null));
                            continue;
                        }

                        for (var i = 0; i < values.Length; i++)
                        {
                            var at = keys.Length + 2 + 3 * i;
                            if (reader.GetBoolean(at))
                            {
                                found.Add(new CellDifference(tenant, partition.Period, key, values[i].Name, Text(at + 1), Text(at + 2)));
                            }
                        }
                    }

                    return 0;
                },
                cancellationToken);
        }
        else
        {
            foreach (var name in stored.Concat(given).Select(c => c.Name).Distinct())
            {
                string? Type(ImmutableArray<ResultColumn> columns) => columns.FirstOrDefault(c => c.Name == name)?.Type.DuckDbName;
                if (Type(stored) != Type(given))
                {
                    found.Add(new CellDifference(tenant, partition.Period, [], name, Type(stored), Type(given)));
                }
            }
        }

        found.Add(tenant, partition.Period, found.Count > before ? VerifiedState.Differs : VerifiedState.Equal, null, partition.Rows, found.Count - before);
    }

    /// <summary>
    /// The rows that differ: keys as text, whether each side has the row, then of each value whether it differs and what both sides have.
    /// Rows of one key are numbered, so that a row stored twice is a row too many.
    /// </summary>
    private static string CompareSql(string gold, string wanted, ImmutableArray<string> keys, ImmutableArray<ResultColumn> values, ImmutableArray<MeasureState> states)
    {
        var differ = values.Select((value, i) => Differ($"g.v{i}", $"l.v{i}", value.Type.Kind)).ToList();
        IEnumerable<string> columns =
        [
            .. keys.Select((_, i) => $"CAST(coalesce(g.k{i}, l.k{i}) AS VARCHAR)"),
            "g.there IS NOT NULL",
            "l.there IS NOT NULL",
            .. values.SelectMany((_, i) => new[] { differ[i], Shown(i, "g"), Shown(i, "l") }),
        ];
        var on = string.Concat(keys.Select((_, i) => $"g.k{i} IS NOT DISTINCT FROM l.k{i} AND "));
        return $"SELECT {string.Join(", ", columns)} FROM {Side(gold, "g")} FULL OUTER JOIN {Side(wanted, "l")} ON {on}g.number = l.number"
            + $" WHERE g.there IS NULL OR l.there IS NULL{string.Concat(differ.Select(d => " OR " + d))}"
            + $" ORDER BY {string.Join(", ", keys.Select((_, i) => $"coalesce(g.k{i}, l.k{i})"))}, coalesce(g.number, l.number)";

        // A sketch is too long to read: what it estimates, and the start of its hash where two of them estimate the same.
        string Shown(int i, string side) => states.FirstOrDefault(s => s.IsSketch && s.Name == values[i].Name) is { } sketch
            ? $"{new SqlWriter(DuckDbDialect.Instance).Expression(sketch.Estimate(new SqlColumn(side, "v" + i.ToString(CultureInfo.InvariantCulture))))} || ' ~' || left(md5({side}.v{i}), 8)"
            : $"CAST({side}.v{i} AS VARCHAR)";

        string Side(string rows, string alias)
        {
            var keyList = string.Join(", ", keys.Select(DuckDbDialect.Instance.Quote));
            var order = string.Join(", ", values.Select(v => DuckDbDialect.Instance.Quote(v.Name)));
            return $"(SELECT {string.Join(", ", keys.Select((k, i) => $"{DuckDbDialect.Instance.Quote(k)} AS k{i}").Concat(values.Select((v, i) => $"{DuckDbDialect.Instance.Quote(v.Name)} AS v{i}")))},"
                + $" true AS there, row_number() OVER (PARTITION BY {keyList}{(order.Length == 0 ? "" : " ORDER BY " + order)}) AS number FROM ({rows})) AS {alias}";
        }
    }

    /// <summary>Sums of doubles depend on their order in the last digits.</summary>
    private static string Differ(string gold, string lake, ColumnKind kind) => kind == ColumnKind.Double
        ? $"({gold} IS DISTINCT FROM {lake} AND NOT coalesce(isfinite({gold}) AND isfinite({lake}) AND abs({gold} - {lake}) <= 1e-9 * greatest(abs({gold}), abs({lake})), false))"
        : $"({gold} IS DISTINCT FROM {lake})";

    private sealed class Findings
    {
        public List<VerifiedPartition> Partitions { get; } = [];

        public List<CellDifference> Differences { get; } = [];

        public long Count { get; private set; }

        public void Add(string? tenant, string period, VerifiedState state, string? reason, long rows, long differences = 0) =>
            Partitions.Add(new VerifiedPartition(tenant, period, state, reason, rows, differences));

        public void Add(CellDifference difference)
        {
            Count++;
            if (Differences.Count < MaxListed)
            {
                Differences.Add(difference);
            }
        }
    }
}
