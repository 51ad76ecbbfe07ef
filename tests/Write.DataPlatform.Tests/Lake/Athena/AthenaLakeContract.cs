using Amazon.Runtime;
using Amazon.S3;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Query;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The lake's contract over the stand-in, with results in S3.</summary>
public sealed class AthenaLakeContract() : AthenaContract("s3://results/out/");

/// <summary>The same where results are kept by Athena alone, so that exports come in pages.</summary>
public sealed class AthenaManagedResultsContract() : AthenaContract("");

/// <summary>The same with an S3 that nobody here wrote.</summary>
public sealed class AthenaOnS3rverContract() : AthenaContract("s3://results/out/", isS3rver: true);

public abstract class AthenaContract(string outputLocation, bool isS3rver = false) : LakeContract
{
    protected override async Task<ILake> CreateAsync(string folder, string work)
    {
        Assert.SkipWhen(isS3rver && StandIn.Missing is not null, StandIn.Missing ?? "");
        IAsyncDisposable s3 = isS3rver ? await StandIn.StartAsync("s3.results", TestContext.Current.CancellationToken) : await FakeS3.StartAsync(Path.Combine(work, "s3"));
        var url = s3 is StandIn s3rver ? s3rver.Url : new Uri(((FakeS3)s3).Url);
        var server = await AthenaServer.StartAsync(
            new AthenaStandInOptions { LakePath = folder, Databases = ["web"], S3 = isS3rver ? url : null, OutputPath = Path.Combine(work, "s3"), WorkGroups = [new AthenaWorkGroup("primary") { HasManagedResults = outputLocation.Length == 0 }] },
            cancellationToken: TestContext.Current.CancellationToken);
        var athena = new AmazonAthenaClient(new BasicAWSCredentials("key", "secret"), new AmazonAthenaConfig { ServiceURL = server.Url.ToString(), AuthenticationRegion = "eu-central-1" });
        var options = new LakeOptions { Kind = LakeKind.Athena, WorkPath = work, Athena = { OutputLocation = outputLocation } };
        var queries = new AthenaQueries(athena, options.Athena, TimeProvider.System);
        var client = new AmazonS3Client(new BasicAWSCredentials("S3RVER", "S3RVER"), new AmazonS3Config { ServiceURL = url.ToString(), ForcePathStyle = true, AuthenticationRegion = "us-east-1" });
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
