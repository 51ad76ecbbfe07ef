using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Write.DataPlatform.AthenaStandIn;

/// <summary>Where results are written: an S3 endpoint, or a folder that stands for one.</summary>
internal sealed class OutputStore : IDisposable
{
    private readonly AmazonS3Client? _client;
    private readonly string? _folder;

    public OutputStore(Uri? s3, string? folder)
    {
        _folder = folder;
        if (s3 is not null)
        {
            _client = new AmazonS3Client(
                new BasicAWSCredentials("S3RVER", "S3RVER"),
                new AmazonS3Config { ServiceURL = s3.ToString(), ForcePathStyle = true, AuthenticationRegion = "us-east-1", RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED });
        }
    }

    public async Task WriteAsync(string uri, byte[] content, CancellationToken cancellationToken)
    {
        var (bucket, key) = Split(uri);
        if (_client is not null)
        {
            using var stream = new MemoryStream(content);
            await _client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = key, InputStream = stream, UseChunkEncoding = false }, cancellationToken);
            return;
        }

        var file = FileOf(bucket, key);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, content, cancellationToken);
    }

    /// <summary>Whether anything lies below a prefix.</summary>
    public async Task<bool> HasAnyAsync(string uri, CancellationToken cancellationToken)
    {
        var (bucket, key) = Split(uri);
        if (_client is not null)
        {
            var listed = await _client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, Prefix = key }, cancellationToken);
            return listed.S3Objects is { Count: > 0 };
        }

        var folder = FileOf(bucket, key);
        return Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();
    }

    /// <exception cref="FormatException">It is no s3 address.</exception>
    public static (string Bucket, string Key) Split(string uri) =>
        uri.StartsWith("s3://", StringComparison.Ordinal) && uri[5..].Split('/', 2) is [{ Length: > 0 } bucket, var key] ? (bucket, key) : throw new FormatException($"'{uri}' is no address like s3://bucket/prefix/.");

    public void Dispose() => _client?.Dispose();

    private string FileOf(string bucket, string key)
    {
        var root = Path.GetFullPath(_folder ?? throw new InvalidOperationException("The stand-in was given neither an S3 endpoint nor a folder for results."));
        var file = Path.GetFullPath(Path.Combine(root, bucket, key));
        return file.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? file : throw new FormatException($"'{key}' leaves its bucket.");
    }
}
