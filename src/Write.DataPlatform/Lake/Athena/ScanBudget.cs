namespace Write.DataPlatform.Lake.Athena;

/// <summary>Counts the bytes that queries read in a day of UTC, all together and by tenant.</summary>
/// <param name="perDay">How many all may read; 0 for any number.</param>
/// <param name="perTenant">How many those of one tenant may read; 0 for any number.</param>
/// <param name="time">The clock.</param>
internal sealed class ScanBudget(long perDay, long perTenant, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _byTenant = new(StringComparer.Ordinal);
    private DateOnly _day;
    private long _bytes;

    /// <exception cref="LakeException">The day's bytes are used up.</exception>
    public void Check(string? tenant)
    {
        lock (_lock)
        {
            Turn();
            if (perDay > 0 && _bytes >= perDay)
            {
                throw UsedUp("This process's Athena queries have", _bytes, perDay, nameof(AthenaOptions.MaxBytesScannedPerDay));
            }

            if (perTenant > 0 && tenant is not null && _byTenant.GetValueOrDefault(tenant) is var own && own >= perTenant)
            {
                throw UsedUp($"The Athena queries of {tenant} have", own, perTenant, nameof(AthenaOptions.MaxBytesScannedPerTenantPerDay));
            }
        }
    }

    public void Add(long bytes, string? tenant)
    {
        lock (_lock)
        {
            Turn();
            _bytes += bytes;
            if (tenant is not null)
            {
                _byTenant[tenant] = _byTenant.GetValueOrDefault(tenant) + bytes;
            }
        }
    }

    private static LakeException UsedUp(string who, long bytes, long most, string setting) =>
        new($"{who} read {bytes} bytes today, of at most {most} (DataPlatform:Lake:Athena:{setting}); it asks again from 00:00 UTC on.", isTransient: true);

    private void Turn()
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        if (today != _day)
        {
            (_day, _bytes) = (today, 0);
            _byTenant.Clear();
        }
    }
}
