using System.Globalization;
using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.DynamoDb;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Benchmarks;

/// <summary>Gold in DynamoDB: on the server that AWS_ENDPOINT_URL_DYNAMODB names, else on dynalite. Times are that server's; units are what AWS counts, without the index.</summary>
internal static class DynamoDbPart
{
    private const string Name = "dynamodb";
    private const int TenantsAtOnce = 16;

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, CancellationToken cancellationToken)
    {
        var endpoint = Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_DYNAMODB");
        if (string.IsNullOrEmpty(endpoint) && StandIn.Missing is { } reason)
        {
            await Console.Error.WriteLineAsync($"{Name} is skipped: AWS_ENDPOINT_URL_DYNAMODB is not set, and {reason}");
            return [];
        }

        await using var standIn = string.IsNullOrEmpty(endpoint) ? await StandIn.StartAsync("dynamodb", cancellationToken) : null;
        var config = new AmazonDynamoDBConfig { ServiceURL = standIn?.Url.ToString() ?? endpoint };
        DynamoDbAttempts.Configure(config, TimeSpan.FromSeconds(30));
        using var client = standIn is null ? new AmazonDynamoDBClient(config) : new AmazonDynamoDBClient(new BasicAWSCredentials("key", "secret"), config);
        var dynamo = new DynamoDbGoldOptions { Table = $"benchmark-{Guid.NewGuid():N}", Create = true };
        var store = new DynamoDbGoldStore(() => client, dynamo, TimeProvider.System, NullLogger<DynamoDbGoldStore>.Instance);
        await store.InitializeAsync(cancellationToken);
        try
        {
            using var folder = new BenchFolder();
            var options = Microsoft.Extensions.Options.Options.Create(new GoldOptions { TempPath = folder.Path("tmp"), ManifestMaxAge = TimeSpan.Zero });
            using var temp = new GoldTempFolder(options);
            await using var writer = new SegmentWriter(temp);
            await using var duck = new DuckDbInstance(new DuckDbSettings());
            await RefreshPart.MakeRowsAsync(duck, scale.WideRows, cancellationToken);
            return
            [
                .. await RowsAsync(scale, store, duck, writer, options, cancellationToken),
                .. await TenantsAsync(scale, store, duck, writer, options, cancellationToken),
            ];
        }
        finally
        {
            await client.DeleteTableAsync(dynamo.Table, CancellationToken.None);
        }
    }

    private static async Task<IReadOnlyList<Figure>> RowsAsync(
        Scale scale, DynamoDbGoldStore store, DuckDbInstance duck, SegmentWriter writer, Microsoft.Extensions.Options.IOptions<GoldOptions> options, CancellationToken cancellationToken)
    {
        var tables = new GoldTables(store, options, TimeProvider.System);
        var (manifest, seconds, written) = await UseAsync(() => RefreshPart.StoreRowsAsync(duck, writer, tables, scale.WideRows, cancellationToken));
        var (bytes, readSeconds, read) = await UseAsync(async () =>
        {
            var bytes = 0L;
            await foreach (var partition in new GoldTables(store, options, TimeProvider.System).GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], cancellationToken))
            {
                bytes += partition.Segments.Sum(s => (long)s.Length);
            }

            return bytes;
        });
        WrongAnswerException.ThrowIf(bytes != manifest.Partitions.Values.Sum(p => p.Bytes), "Not all that was stored is read.");
        var (_, _, listed) = await UseAsync(() => tables.CollectGarbageAsync("rows", null, cancellationToken: cancellationToken));
        var rows = scale.WideRows.ToString("N0", CultureInfo.InvariantCulture);
        return
        [
            new Figure(Name, $"storing {rows} gold rows in {manifest.Partitions.Count} partitions", "s", seconds, null, Bound.AtMost, 30),
            new Figure(Name, "the same", "write units", written.WriteUnits, null, Bound.AtMost, 10_000),
            new Figure(Name, "the same, all under one partition key, which takes 1,000", "write units/s", written.WriteUnits / seconds, null, Bound.AtMost, 1_000),
            new Figure(Name, $"reading them, {read.Requests} requests", "s", readSeconds, null, Bound.AtMost, 10),
            new Figure(Name, "the same", "read units", read.ReadUnits, null, Bound.AtMost, 2_500),
            new Figure(Name, "looking for garbage among them", "read units", listed.ReadUnits, null, Bound.AtMost, 10),
        ];
    }

    private static async Task<IReadOnlyList<Figure>> TenantsAsync(
        Scale scale, DynamoDbGoldStore store, DuckDbInstance duck, SegmentWriter writer, Microsoft.Extensions.Options.IOptions<GoldOptions> options, CancellationToken cancellationToken)
    {
        await using var session = await duck.OpenAsync(cancellationToken);
        using var set = await writer.WriteAsync(session, "SELECT * FROM rows WHERE bucket < DATE '2024-02-01' ORDER BY bucket LIMIT 300", cancellationToken);
        var tables = new GoldTables(store, options, TimeProvider.System);
        var (_, seconds, all) = await UseAsync(async () =>
        {
            await Parallel.ForEachAsync(
                Enumerable.Range(0, scale.Tenants), new ParallelOptions { MaxDegreeOfParallelism = TenantsAtOnce, CancellationToken = cancellationToken }, async (tenant, token) => await PublishAsync(tenant, token));
            return true;
        });

        // One among them, written anew and read.
        var one = scale.Tenants / 2;
        var (_, _, written) = await UseAsync(async () =>
        {
            await PublishAsync(one, cancellationToken);
            return true;
        });
        var file = await File.ReadAllBytesAsync(set.Segments.Single().Path, cancellationToken);
        var (rows, _, read) = await UseAsync(async () =>
        {
            var manifest = await tables.GetManifestAsync("visits", Tenant(one), fresh: true, cancellationToken);
            await foreach (var partition in tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], cancellationToken))
            {
                WrongAnswerException.ThrowIf(!partition.Segments.Single().Span.SequenceEqual(file), "A tenant reads what is not its own.");
            }

            return manifest.Partitions.Values.Sum(p => p.Rows);
        });
        WrongAnswerException.ThrowIf(rows != set.Rows, $"{rows} rows of one tenant are read.");
        return
        [
            new Figure(Name, $"{scale.Tenants:N0} tenants' first partitions, {set.Bytes:N0} bytes each", "partitions/s", scale.Tenants / seconds, null, Bound.AtLeast, 50),
            new Figure(Name, "the same, each", "write units", all.WriteUnits / scale.Tenants, null, Bound.AtMost, 20),
            new Figure(Name, $"one tenant's partition written anew, {written.WriteUnits:0.#} write units", "requests", written.Requests, null, Bound.AtMost, 5),
            new Figure(Name, $"one tenant's partition read, {read.ReadUnits:0.#} read units", "requests", read.Requests, null, Bound.AtMost, 2),
        ];

        static string Tenant(int number) => string.Create(CultureInfo.InvariantCulture, $"tenant-{number:00000}");

        async Task PublishAsync(int tenant, CancellationToken token)
        {
            var live = (await tables.GetManifestAsync("visits", Tenant(tenant), cancellationToken: token)).Partitions.GetValueOrDefault("2024-01")?.Version;
            var draft = new GoldPartitionDraft
            {
                Period = "2024-01", From = new DateOnly(2024, 1, 1), To = new DateOnly(2024, 2, 1), DefinitionHash = "1", RefreshedAt = TimeProvider.System.GetUtcNow(), RunId = "1", Segments = set.Segments,
            };
            var published = await tables.PublishAsync("visits", Tenant(tenant), draft, live, token);
            WrongAnswerException.ThrowIf(!published.Published, $"The partition of {Tenant(tenant)} was not published.");
        }
    }

    private static async Task<(T Result, double Seconds, GoldUsage Usage)> UseAsync<T>(Func<Task<T>> work)
    {
        var usage = GoldUsage.Begin();
        var started = TimeProvider.System.GetTimestamp();
        var result = await work();
        return (result, TimeProvider.System.GetElapsedTime(started).TotalSeconds, usage);
    }
}
