namespace Write.DataPlatform.Lake.Athena;

/// <summary>Counts the bytes that queries read in a day of UTC.</summary>
internal sealed class ScanBudget(long perDay, TimeProvider time)
{
    private readonly Lock _lock = new();
    private DateOnly _day;
    private long _bytes;

    /// <exception cref="LakeException">The day's bytes are used up.</exception>
    public void Check()
    {
        lock (_lock)
        {
            Turn();
            if (perDay > 0 && _bytes >= perDay)
            {
                throw new LakeException(
                    $"This process's Athena queries have read {_bytes} bytes today, of at most {perDay} (DataPlatform:Lake:Athena:MaxBytesScannedPerDay); it asks again from 00:00 UTC on.", isTransient: true);
            }
        }
    }

    public void Add(long bytes)
    {
        lock (_lock)
        {
            Turn();
            _bytes += bytes;
        }
    }

    private void Turn()
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        if (today != _day)
        {
            (_day, _bytes) = (today, 0);
        }
    }
}
