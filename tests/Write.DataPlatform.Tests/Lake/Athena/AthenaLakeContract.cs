using Amazon.Runtime;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The lake's contract over the stand-in, with results in S3.</summary>
public sealed class AthenaLakeContract() : AthenaContract("s3://results/out/");

/// <summary>The same where results are kept by Athena alone, so that exports come in pages.</summary>
public sealed class AthenaManagedResultsContract() : AthenaContract("");

public abstract class AthenaContract(string outputLocation) : LakeContract
{
    protected override async Task<ILake> CreateAsync(string folder, string work)
    {
        var s3 = await FakeS3.StartAsync(Path.Combine(work, "s3"));
        var server = await AthenaServer.StartAsync(
            new AthenaStandInOptions { LakePath = folder, Databases = ["web"], OutputPath = Path.Combine(work, "s3"), WorkGroups = [new AthenaWorkGroup("primary") { HasManagedResults = outputLocation.Length == 0 }] },
            cancellationToken: TestContext.Current.CancellationToken);
        var athena = new AmazonAthenaClient(new BasicAWSCredentials("key", "secret"), new AmazonAthenaConfig { ServiceURL = server.Url.ToString(), AuthenticationRegion = "eu-central-1" });
        var options = new LakeOptions { Kind = LakeKind.Athena, WorkPath = work, Athena = { OutputLocation = outputLocation } };
        var queries = new AthenaQueries(athena, options.Athena, TimeProvider.System);
        var client = s3.Client();
        return new Owned(new AthenaLake(queries, new S3Files(client, queries.Retries), options, AthenaDialect.Instance, TimeProvider.System), [queries, server, s3], [athena, client]);
    }

    protected override string Placeholder(int number) => "?";

    protected override DateTime Kept(DateTime moment) => moment.AddTicks(-(moment.Ticks % TimeSpan.TicksPerMillisecond));

    /// <summary>A lake with what it needs.</summary>
    private sealed class Owned(AthenaLake lake, IAsyncDisposable[] servers, IDisposable[] clients) : ILake, IAsyncDisposable
    {
        public SqlDialect Dialect => lake.Dialect;

        public Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default) => lake.QueryAsync(statement, cancellationToken);

        public Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default) => lake.ExportAsync(statement, directory, cancellationToken);

        public Task<System.Collections.Immutable.ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default) => lake.DescribeAsync(table, cancellationToken);

        public Task<string?> GetVersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default) =>
            lake.GetVersionAsync(table, partitionColumn, from, to, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            foreach (var server in servers)
            {
                await server.DisposeAsync();
            }

            foreach (var client in clients)
            {
                client.Dispose();
            }
        }
    }
}
