namespace Write.DataPlatform.AthenaStandIn;

/// <summary>What a stand-in has and how it behaves; faults can be asked for at any time through <see cref="AthenaFaults"/>.</summary>
public sealed record AthenaStandInOptions
{
    /// <summary>The folder of the tables: <c>visits</c> is the folder <c>visits</c> with all Parquet files below it or the file <c>visits.parquet</c>, <c>shop.orders</c> the same in the folder <c>shop</c>.</summary>
    public required string LakePath { get; init; }

    /// <summary>The subfolders of <see cref="LakePath"/> that are databases; the folder itself is the database <c>default</c>.</summary>
    public IReadOnlyList<string> Databases { get; init; } = [];

    /// <summary>The port on 127.0.0.1; 0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>An S3 endpoint's URL, to which results are written in path style; null to write them to <see cref="OutputPath"/>.</summary>
    public Uri? S3 { get; init; }

    /// <summary>The folder that stands for S3: <c>s3://bucket/key</c> is the file <c>bucket/key</c> in it.</summary>
    public string? OutputPath { get; init; }

    /// <summary>The workgroups; <c>primary</c> is there in any case.</summary>
    public IReadOnlyList<AthenaWorkGroup> WorkGroups { get; init; } = [];

    /// <summary>Queries that may be queued or running at once; more are refused with TooManyRequestsException.</summary>
    public int MaxActiveQueries { get; init; } = 20;

    /// <summary>How many files an UNLOAD writes, if it has so many rows.</summary>
    public int UnloadFiles { get; init; } = 3;
}

/// <summary>A workgroup.</summary>
/// <param name="Name">Its name.</param>
public sealed record AthenaWorkGroup(string Name)
{
    /// <summary>Where results go: <c>s3://bucket/prefix/</c>; null for nowhere.</summary>
    public string? OutputLocation { get; init; }

    /// <summary>Whether the caller's own location is overruled.</summary>
    public bool Enforces { get; init; }

    /// <summary>Whether results are kept by the service alone, so that there is no S3 location.</summary>
    public bool HasManagedResults { get; init; }

    /// <summary>A query that scans more is cancelled, with the reason; null for no limit.</summary>
    public long? BytesScannedCutoff { get; init; }
}
