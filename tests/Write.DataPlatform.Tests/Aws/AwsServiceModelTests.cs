using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Write.DataPlatform.Aws;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Streaming.Kinesis.Client;

namespace Write.DataPlatform.Tests.Aws;

/// <summary>Our requests and responses against AWS's own service model, as botocore ships it.</summary>
public sealed class AwsServiceModelTests
{
    [Fact]
    public void Athenas_shapes_are_those_of_its_service_model()
    {
        var errors = Check(
            AmazonAthenaClient.Facts,
            AthenaJson.Default,
            ["StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution", "GetTableMetadata", "GetWorkGroup"]);

        // Every error of these operations has its own type.
        Assert.All(errors, error => Assert.True(typeof(AmazonAthenaException).IsAssignableFrom(typeof(AmazonAthenaException).Assembly.GetType($"{typeof(AmazonAthenaException).Namespace}.{error}")), error));
    }

    [Fact]
    public void Kinesis_shapes_are_those_of_its_service_model()
    {
        var errors = Check(
            AmazonKinesisClient.Facts,
            KinesisJson.Default,
            ["ListShards", "DescribeStreamSummary", "GetShardIterator", "GetRecords", "PutRecords", "CreateStream", "DeleteStream", "SplitShard", "MergeShards"]);

        // Every type of an error is one of these operations'.
        var types = typeof(AmazonKinesisException).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(AmazonKinesisException))).Select(type => type.Name).ToList();
        Assert.NotEmpty(types);
        Assert.Subset(errors, types.ToHashSet());
    }

    /// <summary>Compares the operations' requests and responses, and gives the names of their errors.</summary>
    private static HashSet<string> Check(AwsJsonService facts, JsonSerializerContext json, string[] operations)
    {
        using var model = Model(facts.EndpointPrefix, facts.ApiVersion);
        var metadata = model.RootElement.GetProperty("metadata");
        Assert.Equal(
            (facts.ServiceId, facts.EndpointPrefix, facts.TargetPrefix, facts.ApiVersion, "1.1"),
            (Text(metadata, "serviceId"), Text(metadata, "endpointPrefix"), Text(metadata, "targetPrefix"), Text(metadata, "apiVersion"), Text(metadata, "jsonVersion")));
        var shapes = model.RootElement.GetProperty("shapes");
        var errors = new HashSet<string>();
        foreach (var name in operations)
        {
            var operation = model.RootElement.GetProperty("operations").GetProperty(name);
            Check(json, Ours(json, name + "Request"), shapes, Text(operation.GetProperty("input"), "shape"), isRequest: true);
            if (operation.TryGetProperty("output", out var output))
            {
                Check(json, Ours(json, name + "Response"), shapes, Text(output, "shape"), isRequest: false);
            }

            errors.UnionWith(operation.GetProperty("errors").EnumerateArray().Select(error => Text(error, "shape")));
        }

        return errors;
    }

    private static JsonTypeInfo Ours(JsonSerializerContext json, string name) =>
        json.GetTypeInfo(json.GetType().Assembly.GetType($"{json.GetType().Namespace}.{name}", throwOnError: true)!)!;

    private static void Check(JsonSerializerContext json, JsonTypeInfo ours, JsonElement shapes, string name, bool isRequest)
    {
        var shape = shapes.GetProperty(name);
        switch (Text(shape, "type"))
        {
            case "structure":
                var members = shape.GetProperty("members");
                foreach (var property in ours.Properties.Where(property => property.Name is not ("ResponseMetadata" or "ContentLength" or "HttpStatusCode")))
                {
                    Assert.True(members.TryGetProperty(property.Name, out var member), $"{name} has no member {property.Name}.");
                    Check(json, json.GetTypeInfo(property.PropertyType)!, shapes, Text(member, "shape"), isRequest);
                }

                var required = isRequest && shape.TryGetProperty("required", out var all) ? all.EnumerateArray().Select(value => value.GetString()!) : [];
                Assert.All(required, member => Assert.Contains(ours.Properties, property => property.Name == member));
                break;
            case "list":
                Assert.Equal(JsonTypeInfoKind.Enumerable, ours.Kind);
                Check(json, json.GetTypeInfo(ours.ElementType!)!, shapes, Text(shape.GetProperty("member"), "shape"), isRequest);
                break;
            case "map":
                Assert.Equal(typeof(Dictionary<string, string>), ours.Type);
                break;
            case var type:
                Assert.Equal(
                    type switch { "string" => typeof(string), "boolean" => typeof(bool?), "integer" => typeof(int?), "long" => typeof(long?), "timestamp" => typeof(DateTime?), "blob" => typeof(ReadOnlyMemory<byte>?), _ => typeof(void) },
                    ours.Type);
                break;
        }
    }

    /// <summary>The model's file, from Debian's package or any other botocore that python3 finds.</summary>
    private static JsonDocument Model(string service, string version)
    {
        var folder = "";
        try
        {
            var start = new ProcessStartInfo("python3") { RedirectStandardOutput = true, RedirectStandardError = true };
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add("import botocore; print(botocore.__path__[0])");
            using var python = Process.Start(start)!;
            folder = python.StandardOutput.ReadToEnd().Trim();
            python.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
        }

        if (folder.Length == 0)
        {
            const string Reason = "python3-botocore is not installed: apt-get install python3-botocore";
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", Reason);
            Assert.Skip(Reason);
        }

        var path = Path.Combine(folder, "data", service, version, "service-2.json");
        if (File.Exists(path))
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }

        using var packed = new GZipStream(File.OpenRead(path + ".gz"), CompressionMode.Decompress);
        return JsonDocument.Parse(packed);
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
