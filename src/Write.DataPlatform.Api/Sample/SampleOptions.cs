namespace Write.DataPlatform.Api.Sample;

/// <summary>What the sample lake shall contain. Equal options give equal rows.</summary>
internal sealed class SampleOptions
{
    /// <summary>The lake's folder. It must not exist yet, or be empty.</summary>
    public required string Directory { get; init; }

    /// <summary>The last day with data, UTC, inclusive. Data starts on 1 January two calendar years before.</summary>
    public required DateOnly EndDate { get; init; }

    /// <summary>The moment (UTC) from which on the last day has nothing; null for its end.</summary>
    public DateTime? Until { get; init; }

    /// <summary>About how many events all fact tables hold together; at least 1,000.</summary>
    /// <value>2,000,000</value>
    public long Rows { get; init; } = 2_000_000;

    /// <summary>Another seed gives another lake of the same shape.</summary>
    /// <value>42</value>
    public int Seed { get; init; } = 42;

    /// <summary>Memory the generator may use before it spills to disk, in mebibytes.</summary>
    /// <value>512</value>
    public int MemoryMebibytes { get; init; } = 512;
}

/// <summary>How far the generator is: files written of all files, and the one just written.</summary>
internal readonly record struct SampleProgress(int Done, int Total, string File);
