using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Write.DataPlatform.Api.Dashboard;

/// <summary>A file of the page.</summary>
/// <param name="ContentType">Its type.</param>
/// <param name="Tag">Its <c>ETag</c>, without what is said of the coding.</param>
/// <param name="Body">Its bytes.</param>
/// <param name="Brotli">The same, packed.</param>
/// <param name="Gzip">The same, packed.</param>
internal sealed record DashboardAsset(string ContentType, string Tag, byte[] Body, byte[] Brotli, byte[] Gzip);

/// <summary>
/// The page and what it loads, out of the assembly. All files share one folder in the address that is named by the hash of them all, so that modules find each
/// other by bare names and every one may be kept for ever.
/// </summary>
internal sealed class DashboardAssets
{
    public const string Path = "/dashboard";
    private const string Prefix = "dashboard/";
    private const string PageName = "index.html";
    private const int HashLength = 16;

    // What a first view needs, asked for at once rather than as each module names the next. A browser has six connections, so first what begins to ask for data.
    private static readonly string[] First = ["headline.js", "api.js", "state.js", "chart.js", "app.js", "overview.js", "controls.js", "dom.js", "format.js"];

    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    private readonly FrozenDictionary<string, DashboardAsset> _files;

    public DashboardAssets()
    {
        var assembly = typeof(DashboardAssets).Assembly;
        var bodies = assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToDictionary(n => n[Prefix.Length..], n =>
        {
            using var stream = assembly.GetManifestResourceStream(n)!;
            var body = new byte[stream.Length];
            stream.ReadExactly(body);
            return body;
        });
        Hash = HashOf([.. bodies.Values.SelectMany(b => b)]);
        _files = bodies.Where(b => b.Key != PageName).ToFrozenDictionary(b => b.Key, b => Make(b.Key, b.Value));
        var page = Encoding.UTF8.GetString(bodies[PageName])
            .Replace("{modules}", string.Concat(First.Select(m => $"<link rel=\"modulepreload\" href=\"{Path}/{Hash}/{m}\">\n")), StringComparison.Ordinal)
            .Replace("{base}", $"{Path}/{Hash}", StringComparison.Ordinal);
        Page = Make(PageName, Encoding.UTF8.GetBytes(page));
    }

    /// <summary>What names the files' folder.</summary>
    public string Hash { get; }

    /// <summary>The page itself.</summary>
    public DashboardAsset Page { get; }

    /// <summary>The names of all files but the page.</summary>
    public IEnumerable<string> Names => _files.Keys;

    /// <summary>A file of the folder; null if there is none, or the folder is of another version.</summary>
    public DashboardAsset? Find(string hash, string name) => hash == Hash ? _files.GetValueOrDefault(name) : null;

    private static DashboardAsset Make(string name, byte[] body) => new(
        Types[System.IO.Path.GetExtension(name)], HashOf(body), body, Packed(body, s => new BrotliStream(s, CompressionLevel.SmallestSize)), Packed(body, s => new GZipStream(s, CompressionLevel.SmallestSize)));

    private static byte[] Packed(byte[] body, Func<Stream, Stream> pack)
    {
        using var packed = new MemoryStream();
        using (var stream = pack(packed))
        {
            stream.Write(body);
        }

        return packed.ToArray();
    }

    private static string HashOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..HashLength];
}
