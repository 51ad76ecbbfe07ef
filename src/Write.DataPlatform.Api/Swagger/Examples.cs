using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>An answer of each operation, and of what many answer alike, as a server with the sample's model gave it, but for keys, names and times.</summary>
internal static class Examples
{
    private static readonly JsonObject All = Read();

    /// <summary>The ids of the operations that have one, and the names of the schemas.</summary>
    public static IEnumerable<string> Names => All.Select(e => e.Key);

    /// <summary>A copy of an operation's or a schema's; null for none.</summary>
    public static JsonNode? Of(string name) => All[name]?.DeepClone();

    private static JsonObject Read()
    {
        using var text = typeof(Examples).Assembly.GetManifestResourceStream(typeof(Examples), "Examples.json")!;
        return JsonNode.Parse(text)!.AsObject();
    }
}
