using Amazon.S3;
using Amazon.S3.Model;
using Polly;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>An object of S3.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="ETag">What changes with its content.</param>
internal readonly record struct S3File(string Key, long Bytes, string ETag);

/// <summary>Reads and removes objects of S3: what queries left, and what tables are made of.</summary>
internal sealed class S3Files(IAmazonS3 client, ResiliencePipeline retries)
{
    private const int PartBytes = 8 * 1024 * 1024;
    private const int PartsAtOnce = 4;

    /// <summary>All objects whose keys start with the location's, a request for each thousand.</summary>
    public async Task<List<S3File>> ListAsync(S3Location location, CancellationToken cancellationToken = default)
    {
        List<S3File> files = [];
        string? next = null;
        do
        {
            var page = await retries.ExecuteAsync(
                async token => await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = location.Bucket, Prefix = location.Key, ContinuationToken = next }, token), cancellationToken);
            files.AddRange((page.S3Objects ?? []).Select(found => new S3File(found.Key, found.Size ?? 0, found.ETag)));
            next = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (next is not null);
        return files;
    }

    /// <summary>An object as it is now.</summary>
    public async Task<S3File> FindAsync(S3Location location, CancellationToken cancellationToken = default)
    {
        var head = await retries.ExecuteAsync(
            async token => await client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = location.Bucket, Key = location.Key }, token), cancellationToken);
        return new S3File(location.Key, head.ContentLength, head.ETag);
    }

    /// <summary>Copies an object to a local file, several parts at once.</summary>
    /// <exception cref="LakeException">The object changed meanwhile.</exception>
    public async Task DownloadAsync(string bucket, S3File file, string path, CancellationToken cancellationToken = default)
    {
        using var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.Asynchronous, file.Bytes);
        var parts = Enumerable.Range(0, (int)((file.Bytes + PartBytes - 1) / PartBytes)).Select(part => part * (long)PartBytes);
        await Parallel.ForEachAsync(
            parts, new ParallelOptions { MaxDegreeOfParallelism = PartsAtOnce, CancellationToken = cancellationToken },
            async (from, token) =>
            {
                var bytes = await retries.ExecuteAsync(async inner => await PartAsync(bucket, file, from, Math.Min(file.Bytes, from + PartBytes), inner), token);
                await RandomAccess.WriteAsync(handle, bytes, from, token);
            });
    }

    /// <summary>Removes objects; those that are not there are no mistake.</summary>
    public Task DeleteAsync(string bucket, IEnumerable<string> keys, CancellationToken cancellationToken = default) =>
        Parallel.ForEachAsync(
            keys, new ParallelOptions { MaxDegreeOfParallelism = PartsAtOnce, CancellationToken = cancellationToken },
            async (key, token) => await retries.ExecuteAsync(
                async inner => await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = bucket, Key = key }, inner), token));

    private async Task<byte[]> PartAsync(string bucket, S3File file, long from, long to, CancellationToken cancellationToken)
    {
        using var response = await client.GetObjectAsync(
            new GetObjectRequest { BucketName = bucket, Key = file.Key, ByteRange = new ByteRange(from, to - 1), EtagToMatch = file.ETag }, cancellationToken);
        if (response.ETag != file.ETag)
        {
            throw new LakeException($"The object s3://{bucket}/{file.Key} changed while it was read.", isTransient: true);
        }

        var bytes = new byte[to - from];
        await response.ResponseStream.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }
}
