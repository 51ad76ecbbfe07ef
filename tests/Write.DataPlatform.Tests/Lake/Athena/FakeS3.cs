using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Xml.Linq;
using Amazon.Runtime;
using Amazon.S3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>A folder served as S3 in path style on 127.0.0.1: list, read with ranges, write, remove. <c>s3://bucket/key</c> is the file <c>bucket/key</c>.</summary>
internal sealed class FakeS3 : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly string _folder;

    private FakeS3(string folder)
    {
        _folder = folder;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _application = builder.Build();
        _application.Run(AnswerAsync);
    }

    public string Url => _application.Urls.Single();

    /// <summary>Requests so far, such as <c>GET bucket/key 0-99</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>How many of the next bodies are cut in the middle.</summary>
    public int Cuts { get; set; }

    /// <summary>Keys of a page of a list.</summary>
    public int PageSize { get; set; } = 1000;

    public static async Task<FakeS3> StartAsync(string folder)
    {
        var fake = new FakeS3(folder);
        await fake._application.StartAsync(TestContext.Current.CancellationToken);
        return fake;
    }

    public AmazonS3Client Client() => new(new BasicAWSCredentials("key", "secret"), new AmazonS3Config { ServiceURL = Url, ForcePathStyle = true, AuthenticationRegion = "eu-central-1" });

    public string PathOf(string bucket, string key) => Path.Combine(_folder, bucket, key);

    public IEnumerable<string> Keys(string bucket) => !Directory.Exists(Path.Combine(_folder, bucket)) ? [] :
        Directory.EnumerateFiles(Path.Combine(_folder, bucket), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Path.Combine(_folder, bucket), file).Replace('\\', '/')).Order(StringComparer.Ordinal);

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!.TrimStart('/').Split('/', 2);
        var (bucket, key) = (path[0], path.Length == 2 ? path[1] : "");
        Calls.Enqueue($"{context.Request.Method} {bucket}/{key} {context.Request.Headers.Range.ToString().Replace("bytes=", "", StringComparison.Ordinal)}".TrimEnd());
        if (key.Length == 0)
        {
            await ListAsync(context, bucket);
            return;
        }

        var file = PathOf(bucket, key);
        switch (context.Request.Method)
        {
            case "PUT":
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                await using (var stream = File.Create(file))
                {
                    await context.Request.Body.CopyToAsync(stream);
                }

                context.Response.Headers.ETag = ETag(file);
                break;
            case "DELETE":
                File.Delete(file);
                context.Response.StatusCode = 204;
                break;
            case "HEAD" when File.Exists(file):
                context.Response.Headers.ETag = ETag(file);
                context.Response.ContentLength = new FileInfo(file).Length;
                break;
            case "GET" when File.Exists(file):
                await ReadAsync(context, file);
                break;
            default:
                context.Response.StatusCode = 404;
                await context.Response.WriteAsync("<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>");
                break;
        }
    }

    private async Task ReadAsync(HttpContext context, string file)
    {
        var bytes = await File.ReadAllBytesAsync(file);
        context.Response.Headers.ETag = ETag(file);
        if (context.Request.GetTypedHeaders().Range?.Ranges.Single() is { } range)
        {
            var (from, to) = ((int)range.From!, (int)Math.Min(range.To ?? long.MaxValue, bytes.Length - 1));
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{to}/{bytes.Length}";
            bytes = bytes[from..(to + 1)];
        }

        context.Response.ContentLength = bytes.Length;
        if (Cuts > 0)
        {
            Cuts--;
            await context.Response.Body.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return;
        }

        await context.Response.Body.WriteAsync(bytes);
    }

    private async Task ListAsync(HttpContext context, string bucket)
    {
        var prefix = context.Request.Query["prefix"].ToString();
        var after = context.Request.Query["continuation-token"].ToString();
        var found = Keys(bucket).Where(key => key.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(key, after) > 0).ToList();
        var page = found.Take(PageSize).ToList();
        XNamespace space = "http://s3.amazonaws.com/doc/2006-03-01/";
        var list = new XElement(
            space + "ListBucketResult", new XElement(space + "Name", bucket), new XElement(space + "Prefix", prefix), new XElement(space + "KeyCount", page.Count),
            new XElement(space + "IsTruncated", found.Count > page.Count ? "true" : "false"), found.Count > page.Count ? new XElement(space + "NextContinuationToken", page[^1]) : null,
            page.Select(key => new XElement(
                space + "Contents", new XElement(space + "Key", key), new XElement(space + "Size", new FileInfo(PathOf(bucket, key)).Length), new XElement(space + "ETag", ETag(PathOf(bucket, key))),
                new XElement(space + "LastModified", File.GetLastWriteTimeUtc(PathOf(bucket, key)).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)))));
        context.Response.ContentType = "application/xml";
        await context.Response.WriteAsync("<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + list);
    }

    private static string ETag(string file) => $"\"{Convert.ToHexStringLower(MD5.HashData(File.ReadAllBytes(file)))}\"";
}
