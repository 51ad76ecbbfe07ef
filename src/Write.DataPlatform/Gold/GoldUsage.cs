namespace Write.DataPlatform.Gold;

/// <summary>What a piece of work used of a store that is paid by use. It counts all that is awaited between <see cref="Begin"/> and the end of the caller's method.</summary>
internal sealed class GoldUsage
{
    private static readonly AsyncLocal<GoldUsage?> Current = new();

    private readonly GoldUsage? _outer = Current.Value;
    private readonly Lock _gate = new();
    private double _readUnits;
    private double _writeUnits;
    private long _requests;

    /// <summary>Read units (4 KB each; half of one where a read may be a moment behind).</summary>
    public double ReadUnits => Read(ref _readUnits);

    /// <summary>Write units (1 KB each).</summary>
    public double WriteUnits => Read(ref _writeUnits);

    /// <summary>Requests answered.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Starts to count.</summary>
    public static GoldUsage Begin() => Current.Value = new GoldUsage();

    /// <summary>Adds one request to all that count.</summary>
    internal static void Add(double readUnits, double writeUnits)
    {
        for (var usage = Current.Value; usage is not null; usage = usage._outer)
        {
            lock (usage._gate)
            {
                usage._readUnits += readUnits;
                usage._writeUnits += writeUnits;
                usage._requests++;
            }
        }
    }

    private double Read(ref double units)
    {
        lock (_gate)
        {
            return units;
        }
    }
}
