namespace Write.DataPlatform.Lake.Athena;

/// <summary>A place in S3.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Key">The object's key, or what the keys below it start with.</param>
internal readonly record struct S3Location(string Bucket, string Key)
{
    /// <summary>Null if the text is none, such as another store's.</summary>
    public static S3Location? TryParse(string? text)
    {
        foreach (var scheme in new[] { "s3://", "s3a://", "s3n://" })
        {
            if (text is not null && text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                var parts = text[scheme.Length..].Split('/', 2);
                return parts[0].Length is >= 3 and <= 63 ? new S3Location(parts[0], parts.Length == 2 ? parts[1] : "") : null;
            }
        }

        return null;
    }

    /// <summary>The folder of this name below.</summary>
    public S3Location Folder(string name) => this with { Key = AsFolder().Key + name + "/" };

    /// <summary>The same with a slash at the end.</summary>
    public S3Location AsFolder() => Key.Length == 0 || Key.EndsWith('/') ? this : this with { Key = Key + "/" };

    public override string ToString() => $"s3://{Bucket}/{Key}";
}
