using System.Diagnostics;
using Amazon.Runtime;
using Amazon.S3;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Aws;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Tests.Gold;
using Write.DataPlatform.Tests.Lake.Athena;

namespace Write.DataPlatform.Tests.Aws;

public sealed class AwsClientTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Region_profile_and_addresses_come_from_the_section_AWS()
    {
        await using var fake = await FakeAthena.StartAsync();
        using var folder = new TempFolder();
        var profiles = Path.Combine(folder.Path, "credentials");
        await File.WriteAllTextAsync(profiles, "[analyst]\naws_access_key_id = AKIDANALYST\naws_secret_access_key = secret\n", Cancel);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["AWS:Region"] = "eu-central-1",
            ["AWS:Profile"] = "analyst",
            ["AWS:ProfilesLocation"] = profiles,
            ["AWS:Athena:ServiceURL"] = fake.Url,
            ["AWS:S3:ServiceURL"] = "http://127.0.0.1:1",
            ["AWS:S3:ForcePathStyle"] = "true",
        }).Build();
        await using var services = new ServiceCollection().AddAwsClient<IAmazonAthena>(configuration, "Athena").AddAwsClient<IAmazonS3>(configuration, "S3").BuildServiceProvider();
        var authorization = "";
        fake.Next("StopQueryExecution", async (context, _) =>
        {
            authorization = context.Request.Headers.Authorization.ToString();
            await Task.CompletedTask;
            return [];
        });
        await services.GetRequiredService<IAmazonAthena>().StopQueryExecutionAsync(new StopQueryExecutionRequest { QueryExecutionId = "q" }, Cancel);
        Assert.Contains("Credential=AKIDANALYST/", authorization, StringComparison.Ordinal);
        Assert.Contains("/eu-central-1/athena/aws4_request", authorization, StringComparison.Ordinal);
        var s3 = Assert.IsType<AmazonS3Config>(services.GetRequiredService<IAmazonS3>().Config);
        Assert.Equal((true, "http://127.0.0.1:1/", "eu-central-1"), (s3.ForcePathStyle, s3.ServiceURL, s3.AuthenticationRegion));
    }

    [Theory]
    [InlineData("us-east-1", false, false, "https://athena.us-east-1.amazonaws.com")]
    [InlineData("eu-central-1", false, true, "https://athena.eu-central-1.api.aws")]
    [InlineData("us-gov-west-1", true, false, "https://athena-fips.us-gov-west-1.amazonaws.com")]
    [InlineData("cn-north-1", false, false, "https://athena.cn-north-1.amazonaws.com.cn")]
    public void Endpoints_are_those_of_the_region(string region, bool fips, bool dualStack, string expected) => Assert.Equal(
        expected,
        new AmazonAthenaConfig { RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(region), UseFIPSEndpoint = fips, UseDualstackEndpoint = dualStack, IgnoreConfiguredEndpointUrls = true }
            .DetermineServiceOperationEndpoint(new Amazon.Runtime.Endpoints.ServiceOperationEndpointParameters(new StopQueryExecutionRequest())).URL.TrimEnd('/'));

    [Fact]
    public async Task Faults_that_pass_are_tried_again_and_errors_have_their_types()
    {
        await using var fake = await FakeAthena.StartAsync();
        using var client = fake.Client();
        fake.Next("StopQueryExecution", FakeAthena.Error(500, "InternalServerException"), FakeAthena.Error(400, "ThrottlingException"));
        await client.StopQueryExecutionAsync(new StopQueryExecutionRequest { QueryExecutionId = "q" }, Cancel);
        Assert.Equal(3, fake.Count("StopQueryExecution"));

        fake.Next("GetQueryExecution", FakeAthena.Error(400, "InvalidRequestException", "no such query", ("AthenaErrorCode", "INVALID_INPUT")));
        var invalid = await Assert.ThrowsAsync<InvalidRequestException>(() => client.GetQueryExecutionAsync(new GetQueryExecutionRequest { QueryExecutionId = "q" }, Cancel));
        Assert.Equal(("INVALID_INPUT", "no such query"), (invalid.AthenaErrorCode, invalid.Message));
        Assert.StartsWith("request-", invalid.RequestId, StringComparison.Ordinal);

        var busy = FakeAthena.Error(400, "com.amazonaws.athena#TooManyRequestsException", "too many", ("Reason", "CONCURRENT_QUERY_LIMIT_EXCEEDED"));
        fake.Next("StartQueryExecution", busy, busy, busy);
        var refused = await Assert.ThrowsAsync<TooManyRequestsException>(() => client.StartQueryExecutionAsync(new StartQueryExecutionRequest { QueryString = "x", ClientRequestToken = new string('t', 32) }, Cancel));
        Assert.Equal("CONCURRENT_QUERY_LIMIT_EXCEEDED", refused.Reason);
        Assert.Equal(3, fake.Count("StartQueryExecution"));
    }

    [Fact]
    public async Task What_is_no_json_is_tried_again_and_then_told()
    {
        await using var fake = await FakeAthena.StartAsync();
        using var client = fake.Client();
        fake.Next("GetWorkGroup", FakeAthena.Broken, FakeAthena.Cut);
        Assert.Equal("primary", (await client.GetWorkGroupAsync(new GetWorkGroupRequest { WorkGroup = "primary" }, Cancel)).WorkGroup!.Name);
        fake.Next("GetWorkGroup", FakeAthena.Broken, FakeAthena.Broken, FakeAthena.Broken);
        await Assert.ThrowsAsync<AmazonUnmarshallingException>(() => client.GetWorkGroupAsync(new GetWorkGroupRequest { WorkGroup = "primary" }, Cancel));
    }

    [Fact]
    public async Task A_clock_that_is_wrong_is_set_right()
    {
        await using var fake = await FakeAthena.StartAsync();
        using var client = fake.Client();
        fake.Next("StopQueryExecution", async (context, request) =>
        {
            context.Response.Headers.Date = TimeProvider.System.GetUtcNow().AddHours(2).ToString("R");
            return await FakeAthena.Error(400, "InvalidSignatureException", "Signature expired: 20261128T100000Z is now earlier than 20261128T115500Z (20261128T120000Z - 5 min.)")(context, request);
        });
        await client.StopQueryExecutionAsync(new StopQueryExecutionRequest { QueryExecutionId = "q" }, Cancel);
        Assert.Equal(2, fake.Count("StopQueryExecution"));
    }

    [Fact]
    public async Task Every_call_is_one_activity()
    {
        await using var fake = await FakeAthena.StartAsync();
        using var client = fake.Client();
        List<Activity> seen = [];
        using var root = new Activity("test").Start();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == AwsJsonClient.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == root.TraceId)
                {
                    seen.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        fake.Next("StopQueryExecution", FakeAthena.Error(500, "InternalServerException"));
        await client.StopQueryExecutionAsync(new StopQueryExecutionRequest { QueryExecutionId = "q" }, Cancel);
        fake.Next("StopQueryExecution", FakeAthena.Error(400, "InvalidRequestException"));
        await Assert.ThrowsAsync<InvalidRequestException>(() => client.StopQueryExecutionAsync(new StopQueryExecutionRequest { QueryExecutionId = "q" }, Cancel));
        Assert.Equal(["Athena.StopQueryExecution", "Athena.StopQueryExecution"], seen.Select(activity => activity.DisplayName));
        Assert.Equal([null, "InvalidRequestException"], seen.Select(activity => activity.GetTagItem("error.type")));
        Assert.All(seen, activity => Assert.StartsWith("request-", (string)activity.GetTagItem("aws.request_id")!, StringComparison.Ordinal));
    }
}
