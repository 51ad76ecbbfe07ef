using Microsoft.Extensions.Time.Testing;

namespace Write.DataPlatform.Tests;

/// <summary>A clock of the test's own whose time of day may be set wrong, while no time goes by.</summary>
internal sealed class SkewedClock : FakeTimeProvider
{
    /// <summary>By how much the time of day is ahead.</summary>
    public TimeSpan Skew { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Skew;

    public override long GetTimestamp() => base.GetUtcNow().Ticks;
}
