using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Security;

/// <summary>
/// Counts tenants' queries of a day of UTC in the gold store, so that neither a restart nor a second process begins anew. A process takes queries from the store
/// in blocks, a thousandth of the day's each, and gives back at its end what it did not use; what a killed one had left is lost to the day.
/// </summary>
internal sealed class DailyQuota(IGoldStore store, TimeProvider clock) : IAsyncDisposable
{
    private const int BlocksADay = 1_000;
    private const int MaxBlock = 100;

    /// <summary>For how long a day that is used up is believed to be, before the store is asked again.</summary>
    private static readonly TimeSpan Believed = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Account> _accounts = new(StringComparer.Ordinal);

    /// <summary>Takes one query from a tenant's day.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="limit">How many queries a day it may make.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was one left; how many are; and when the next day begins.</returns>
    /// <exception cref="GoldStoreException">The store failed: what cannot be counted is not allowed.</exception>
    public async ValueTask<QuotaState> TakeAsync(string tenant, int limit, CancellationToken cancellationToken = default)
    {
        var account = _accounts.GetOrAdd(tenant, static _ => new Account());
        await account.Gate.WaitAsync(cancellationToken);
        try
        {
            var now = clock.GetUtcNow();
            var today = DateOnly.FromDateTime(now.UtcDateTime);
            if (account.Day != today)
            {
                (account.Day, account.Left, account.Taken, account.UsedUpAt) = (today, 0, 0, null);
            }

            if (account.Left == 0 && !(account.UsedUpAt is { } at && account.Limit == limit && now - at < Believed && now >= at))
            {
                await TakeBlockAsync(account, tenant, limit, now, cancellationToken);
            }

            var next = new DateTimeOffset(today.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
            if (account.Left == 0)
            {
                return new QuotaState(false, 0, next);
            }

            account.Left--;
            return new QuotaState(true, Math.Max(0, limit - account.Taken) + account.Left, next);
        }
        finally
        {
            account.Gate.Release();
        }
    }

    /// <summary>Gives back a query that was taken from a tenant's day and needed no answer.</summary>
    /// <returns>How many are left; and when the next day begins.</returns>
    public async ValueTask<QuotaState> GiveBackAsync(string tenant, int limit)
    {
        var account = _accounts.GetOrAdd(tenant, static _ => new Account());
        await account.Gate.WaitAsync();
        try
        {
            var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
            if (account.Day == today)
            {
                account.Left++;
            }

            return new QuotaState(true, Math.Max(0, limit - account.Taken) + account.Left, new DateTimeOffset(today.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero));
        }
        finally
        {
            account.Gate.Release();
        }
    }

    private async Task TakeBlockAsync(Account account, string tenant, int limit, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var sk = Key(account.Day, tenant);
        while (true)
        {
            var item = await store.GetAsync(GoldKeys.Quotas, sk, cancellationToken);
            var taken = item is null ? 0 : Count(item);
            var block = (int)Math.Clamp(Math.Min(limit / BlocksADay, limit - taken), Math.Min(1, Math.Max(0, limit - taken)), MaxBlock);
            if (block == 0)
            {
                (account.Taken, account.UsedUpAt, account.Limit) = (taken, now, limit);
                return;
            }

            if (await store.TryPutAsync(Item(sk, taken + block, (item?.Revision ?? 0) + 1, now), item?.Revision, cancellationToken))
            {
                (account.Taken, account.Left, account.UsedUpAt) = (taken + block, block, null);
                return;
            }
        }
    }

    /// <summary>Gives back what was taken and not used.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var (tenant, account) in _accounts)
        {
            await account.Gate.WaitAsync();
            try
            {
                var sk = Key(account.Day, tenant);
                while (account.Left > 0 && await store.GetAsync(GoldKeys.Quotas, sk) is { } item
                    && !await store.TryPutAsync(Item(sk, Math.Max(0, Count(item) - account.Left), item.Revision + 1, clock.GetUtcNow()), item.Revision))
                {
                }

                account.Left = 0;
            }
            catch (GoldStoreException)
            {
                // The day then has so many queries less.
            }
            finally
            {
                account.Gate.Release();
            }
        }
    }

    private static string Key(DateOnly day, string tenant) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture) + "#" + GoldKeys.Escape(tenant);

    private static GoldItem Item(string sk, long count, long revision, DateTimeOffset now) =>
        new(GoldKeys.Quotas, sk, revision, Encoding.UTF8.GetBytes(count.ToString(CultureInfo.InvariantCulture)), now.AddDays(2));

    private static long Count(GoldItem item) => Utf8Parser.TryParse(item.Body.Span, out long count, out _) ? count : throw new GoldStoreException($"The count at {item.Sk} is no number.", isTransient: false);

    private sealed class Account
    {
        public SemaphoreSlim Gate { get; } = new(1);

        public DateOnly Day { get; set; }

        /// <summary>Queries taken from the store and not used yet.</summary>
        public int Left { get; set; }

        /// <summary>What the store said had been taken, this process's with it.</summary>
        public long Taken { get; set; }

        public int Limit { get; set; }

        public DateTimeOffset? UsedUpAt { get; set; }
    }
}

/// <summary>A tenant's day.</summary>
/// <param name="IsAllowed">Whether the query may be made.</param>
/// <param name="Remaining">How many more there are, as far as this process knows.</param>
/// <param name="ResetsAt">The next midnight of UTC.</param>
internal readonly record struct QuotaState(bool IsAllowed, long Remaining, DateTimeOffset ResetsAt);
