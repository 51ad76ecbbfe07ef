using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Gold;

/// <summary>A manifest as it is stored: JSON, compressed with Brotli once it is large, with the number of its format.</summary>
/// <param name="Format">The number of the format.</param>
/// <param name="Partitions">The live partitions.</param>
/// <param name="Retired">The versions that were live not long ago and may still be read.</param>
/// <param name="Oldest">The earliest revision that <paramref name="Retired"/> still tells in full; null if only the present one is told.</param>
internal sealed record StoredManifest(int Format, ImmutableArray<GoldPartition> Partitions, ImmutableArray<RetiredVersion> Retired, long? Oldest = null);

/// <summary>A version that is no longer live.</summary>
/// <param name="Version">The version.</param>
/// <param name="At">When it was replaced or removed.</param>
/// <param name="Partition">What it was.</param>
/// <param name="Until">The revision that no longer has it.</param>
internal sealed record RetiredVersion(string Version, DateTimeOffset At, GoldPartition? Partition = null, long? Until = null);

/// <summary>Turns manifests into bytes and back.</summary>
internal static class ManifestCodec
{
    private const int Format = 1;
    private const int PlainBytes = 4096;
    private const byte BrotliMark = 1;

    public static byte[] Encode(ImmutableSortedDictionary<string, GoldPartition> partitions, ImmutableArray<RetiredVersion> retired, long? oldest = null)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(new StoredManifest(Format, [.. partitions.Values], retired, oldest), ManifestJson.Default.StoredManifest);
        if (json.Length <= PlainBytes)
        {
            return json;
        }

        using var stream = new MemoryStream();
        stream.WriteByte(BrotliMark);
        using (var brotli = new BrotliStream(stream, CompressionLevel.Optimal))
        {
            brotli.Write(json);
        }

        return stream.ToArray();
    }

    /// <exception cref="GoldStoreException">The bytes are damaged, or of a newer format.</exception>
    public static StoredManifest Decode(GoldItem item)
    {
        StoredManifest? manifest;
        try
        {
            using var stream = new MemoryStream(item.Body.ToArray());
            if (item.Body.Length > 0 && item.Body.Span[0] == BrotliMark)
            {
                stream.Position = 1;
                using var brotli = new BrotliStream(stream, CompressionMode.Decompress);
                manifest = JsonSerializer.Deserialize(brotli, ManifestJson.Default.StoredManifest);
            }
            else
            {
                manifest = JsonSerializer.Deserialize(stream, ManifestJson.Default.StoredManifest);
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException or InvalidOperationException)
        {
            throw new GoldStoreException($"The manifest '{item.Pk}' is damaged: {exception.Message}", isTransient: false, exception);
        }

        return manifest switch
        {
            null => throw new GoldStoreException($"The manifest '{item.Pk}' is damaged: it is empty.", isTransient: false),
            { Format: > Format } => throw new GoldStoreException(
                $"The manifest '{item.Pk}' was written by a newer version of this program (format {manifest.Format}, this one knows {Format}).", isTransient: false),
            _ => manifest,
        };
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
