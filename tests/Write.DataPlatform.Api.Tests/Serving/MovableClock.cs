namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>A clock that runs like any other and can be put forward, or set wrong; who waits for a time waits as long as it lasts.</summary>
internal sealed class MovableClock(DateTimeOffset start) : TimeProvider
{
    private readonly long _shift = (start - System.GetUtcNow()).Ticks;
    private long _ahead;
    private long _wrong;

    public void Advance(TimeSpan time) => Interlocked.Add(ref _ahead, time.Ticks);

    /// <summary>Sets the time of day, while no time goes by.</summary>
    public void Adjust(TimeSpan by) => Interlocked.Add(ref _wrong, by.Ticks);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(_shift + Volatile.Read(ref _ahead) + Volatile.Read(ref _wrong));

    public override long GetTimestamp() => System.GetElapsedTime(0).Ticks + Volatile.Read(ref _ahead);
}
