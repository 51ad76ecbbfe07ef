using System.Text.RegularExpressions;
using Amazon.DynamoDBv2;
using Amazon.DynamoDBv2.Model;
using Amazon.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Gold.DynamoDb;
using Write.DataPlatform.StandIns;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests;

/// <summary>The template of docs/deploy.</summary>
public sealed class DeploymentTests
{
    private static string Template { get; } = Path.GetFullPath(Path.Combine(StandIn.Folder, "..", "..", "docs", "deploy", "template.yaml"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_template_is_what_CloudFormation_takes()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var (exitCode, output) = await StandIn.RunAsync("check-template.mjs", Template);
        Assert.True(exitCode == 0, output);
    }

    [Theory]
    [InlineData("NonKeyAttributes: [r, n, x]", "NonKeysAttributes: [r, n, x]", "there is no property NonKeysAttributes")]
    [InlineData("!GetAtt ApiRole.Arn", "!GetAtt ApiRole.Name", "AWS::IAM::Role has no attribute Name")]
    [InlineData("!Ref WorkerGroup", "!Ref WorkersGroup", "there is nothing called WorkersGroup")]
    [InlineData("DeletionProtectionEnabled: true", "DeletionProtectionEnabled: sure", "it must be true or false")]
    [InlineData("      MetricName: ReadThrottleEvents\n      Dimensions:", "      MetricName: ReadThrottleEvents\n      Dimension:", "there is no property Dimension")]
    [InlineData("Type: AWS::ECS::Cluster", "Type: AWS::ECS::Clusters", "there is no type AWS::ECS::Clusters")]
    [InlineData("DependsOn: Listener", "DependsOn: Listeners", "it depends on Listeners")]
    [InlineData("          Image: !Ref Image\n          Command: [serve, --role, api", "          Command: [serve, --role, api", "Image is missing")]
    public async Task A_mistake_in_it_is_found(string right, string wrong, string expected)
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        using var folder = new TempFolder();
        var text = await File.ReadAllTextAsync(Template, Cancel);
        Assert.Contains(right, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(folder.File("template.yaml"), text.Replace(right, wrong, StringComparison.Ordinal), Cancel);
        var (exitCode, output) = await StandIn.RunAsync("check-template.mjs", folder.File("template.yaml"));
        Assert.Equal(1, exitCode);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_table_is_the_one_that_the_program_makes()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        using var client = new AmazonDynamoDBClient(new BasicAWSCredentials("key", "secret"), new AmazonDynamoDBConfig { ServiceURL = (await StandIn.DynamoDbAsync()).ToString() });
        var options = new DynamoDbGoldOptions { Table = $"template-{Guid.NewGuid():N}", Create = true };
        await new DynamoDbGoldStore(() => client, options, TimeProvider.System, NullLogger<DynamoDbGoldStore>.Instance).InitializeAsync(Cancel);
        var table = (await client.DescribeTableAsync(options.Table, Cancel)).Table;
        var text = await File.ReadAllTextAsync(Template, Cancel);
        var resource = Regex.Match(text, @"^  GoldTable:\n(.*?)\n\n", RegexOptions.Multiline | RegexOptions.Singleline).Groups[1].Value;
        string Keys(List<KeySchemaElement> keys) => string.Join(" ", keys.Select(key => $"{key.AttributeName} {key.KeyType}"));
        var index = Assert.Single(table.GlobalSecondaryIndexes);
        var keys = Regex.Matches(resource, @"AttributeName: (\w+), KeyType: (\w+)").Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}").ToArray();
        Assert.Equal([.. Keys(table.KeySchema).Split(" pk"), .. Keys(index.KeySchema).Split(" pk")], [string.Join(" ", keys[..2]), string.Join(" ", keys[2..])]);
        Assert.Contains($"IndexName: {index.IndexName}\n", resource, StringComparison.Ordinal);
        Assert.Contains($"ProjectionType: {index.Projection.ProjectionType}, NonKeyAttributes: [{string.Join(", ", index.Projection.NonKeyAttributes)}]", resource, StringComparison.Ordinal);
        Assert.Contains($"BillingMode: {table.BillingModeSummary.BillingMode}", resource, StringComparison.Ordinal);
        Assert.Contains("TimeToLiveSpecification: { AttributeName: t,", resource, StringComparison.Ordinal);
    }
}
