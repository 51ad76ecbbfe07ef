using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Write.DataPlatform.Lake.Athena.Client;

namespace Write.DataPlatform.Tests.Aws;

/// <summary>Our requests and responses against AWS's own service model, as botocore ships it.</summary>
public sealed class AwsServiceModelTests
{
    private static readonly string[] Operations = ["StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution", "GetTableMetadata", "GetWorkGroup"];

    [Fact]
    public void Athenas_shapes_are_those_of_its_service_model()
    {
        using var model = Model("athena", "2017-05-18");
        var metadata = model.RootElement.GetProperty("metadata");
        Assert.Equal(
            (AmazonAthenaClient.Facts.ServiceId, AmazonAthenaClient.Facts.EndpointPrefix, AmazonAthenaClient.Facts.TargetPrefix, AmazonAthenaClient.Facts.ApiVersion, "1.1"),
            (Text(metadata, "serviceId"), Text(metadata, "endpointPrefix"), Text(metadata, "targetPrefix"), Text(metadata, "apiVersion"), Text(metadata, "jsonVersion")));
        var shapes = model.RootElement.GetProperty("shapes");
        var errors = new HashSet<string>();
        foreach (var name in Operations)
        {
            var operation = model.RootElement.GetProperty("operations").GetProperty(name);
            Check(Ours(name + "Request"), shapes, Text(operation.GetProperty("input"), "shape"), isRequest: true);
            Check(Ours(name + "Response"), shapes, Text(operation.GetProperty("output"), "shape"), isRequest: false);
            errors.UnionWith(operation.GetProperty("errors").EnumerateArray().Select(error => Text(error, "shape")));
        }

        // Every error of these operations has its own type.
        Assert.All(errors, error => Assert.True(typeof(AmazonAthenaException).IsAssignableFrom(typeof(AmazonAthenaException).Assembly.GetType($"{typeof(AmazonAthenaException).Namespace}.{error}")), error));
    }

    private static JsonTypeInfo Ours(string name) =>
        AthenaJson.Default.GetTypeInfo(typeof(AthenaJson).Assembly.GetType($"{typeof(AthenaJson).Namespace}.{name}", throwOnError: true)!)!;

    private static void Check(JsonTypeInfo ours, JsonElement shapes, string name, bool isRequest)
    {
        var shape = shapes.GetProperty(name);
        switch (Text(shape, "type"))
        {
            case "structure":
                var members = shape.GetProperty("members");
                foreach (var property in ours.Properties.Where(property => property.Name is not ("ResponseMetadata" or "ContentLength" or "HttpStatusCode")))
                {
                    Assert.True(members.TryGetProperty(property.Name, out var member), $"{name} has no member {property.Name}.");
                    Check(AthenaJson.Default.GetTypeInfo(property.PropertyType)!, shapes, Text(member, "shape"), isRequest);
                }

                var required = isRequest && shape.TryGetProperty("required", out var all) ? all.EnumerateArray().Select(value => value.GetString()!) : [];
                Assert.All(required, member => Assert.Contains(ours.Properties, property => property.Name == member));
                break;
            case "list":
                Assert.Equal(JsonTypeInfoKind.Enumerable, ours.Kind);
                Check(AthenaJson.Default.GetTypeInfo(ours.ElementType!)!, shapes, Text(shape.GetProperty("member"), "shape"), isRequest);
                break;
            case "map":
                Assert.Equal(typeof(Dictionary<string, string>), ours.Type);
                break;
            case var type:
                Assert.Equal(
                    type switch { "string" => typeof(string), "boolean" => typeof(bool?), "integer" => typeof(int?), "long" => typeof(long?), "timestamp" => typeof(DateTime?), _ => typeof(void) },
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
