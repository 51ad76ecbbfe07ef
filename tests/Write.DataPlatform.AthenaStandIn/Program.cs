using Write.DataPlatform.AthenaStandIn;

// LAKE [--port N] [--s3 URL | --output FOLDER] [--databases a,b]
var options = args.Skip(1).Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
if (args.Length == 0 || args[0].StartsWith("--", StringComparison.Ordinal))
{
    Console.Error.WriteLine("usage: LAKE [--port N] [--s3 URL | --output FOLDER] [--databases a,b]");
    return 2;
}

await using var server = await AthenaServer.StartAsync(new AthenaStandInOptions
{
    LakePath = args[0],
    Port = int.Parse(options.GetValueOrDefault("--port", "0"), System.Globalization.CultureInfo.InvariantCulture),
    S3 = options.TryGetValue("--s3", out var s3) ? new Uri(s3) : null,
    OutputPath = options.GetValueOrDefault("--output"),
    Databases = options.TryGetValue("--databases", out var databases) ? databases.Split(',') : [],
});
Console.WriteLine(server.Url);
await server.WaitAsync();
return 0;
