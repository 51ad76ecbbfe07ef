using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Security;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Security;

public sealed class ApiKeysTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_is_its_owners_and_its_text_is_kept_nowhere()
    {
        await using var gold = new GoldFixture();
        var keys = New(gold);
        var (key, text) = await keys.CreateAsync("Acme", KeyRole.Customer, "acme", null, KeyGrant.Plain, Cancel);
        Assert.Matches("^wdp_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$", text);
        Assert.Equal(new Caller("Acme", "acme", false) { KeyId = key.Id }, await New(gold).AuthenticateAsync(text, Cancel));
        var secret = text[21..];
        await foreach (var item in gold.Store.QueryAsync("keys", "", cancellationToken: Cancel))
        {
            Assert.DoesNotContain(secret, System.Text.Encoding.UTF8.GetString(item.Body.Span), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("wdp_")]
    [InlineData("{id}")]
    [InlineData("wdp_{id}")]
    [InlineData("wdp_{id}_")]
    [InlineData("wdp_{id}_x")]
    [InlineData("wdp_{id}_{secret}x")]
    [InlineData("wdp_{id}_{secret} ")]
    [InlineData("wdp_{id}x{secret}")]
    [InlineData("WDP_{id}_{secret}")]
    [InlineData("wdp_{other}_{secret}")]
    [InlineData("wdp_0000000000000000_{secret}")]
    [InlineData("wdp_key#000000000000_{secret}")]
    public async Task What_is_near_a_key_is_none(string shown)
    {
        await using var gold = new GoldFixture();
        var keys = New(gold);
        var (key, text) = await keys.CreateAsync("One", KeyRole.Operator, null, null, KeyGrant.Plain, Cancel);
        var (other, _) = await keys.CreateAsync("Other", KeyRole.Operator, null, null, KeyGrant.Plain, Cancel);
        shown = shown.Replace("{id}", key.Id, StringComparison.Ordinal).Replace("{other}", other.Id, StringComparison.Ordinal).Replace("{secret}", text[21..], StringComparison.Ordinal);
        Assert.Null(await keys.AuthenticateAsync(shown, Cancel));
        Assert.NotNull(await keys.AuthenticateAsync(text, Cancel));
    }

    /// <summary>Whoever makes up keys is held up, and nobody whose key was seen before is.</summary>
    [Fact]
    public async Task A_flood_of_made_up_keys_reaches_neither_the_store_nor_good_callers()
    {
        await using var gold = new GoldFixture();
        using var keys = New(gold);
        var (_, text) = await keys.CreateAsync("Acme", KeyRole.Customer, "acme", null, KeyGrant.Plain, Cancel);
        Assert.NotNull(await keys.AuthenticateAsync(text, Cancel));
        var refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            try
            {
                Assert.Null(await keys.AuthenticateAsync($"wdp_{i:x16}_{text[21..]}", Cancel));
            }
            catch (TooManyUnknownKeysException)
            {
                refused++;
            }

            if (i % 1_000 == 0)
            {
                gold.Clock.Advance(TimeSpan.FromSeconds(4));
                Assert.NotNull(await keys.AuthenticateAsync(text, Cancel));
            }
        }

        Assert.True(refused > 0);
    }

    [Fact]
    public async Task A_revoked_key_stops_in_other_processes_within_three_seconds()
    {
        await using var gold = new GoldFixture();
        var (here, there) = (New(gold), New(gold));
        var (key, text) = await here.CreateAsync("Acme", KeyRole.Customer, "acme", null, KeyGrant.Plain, Cancel);
        Assert.NotNull(await there.AuthenticateAsync(text, Cancel));
        Assert.NotNull((await here.RevokeAsync(key.Id, Cancel))!.RevokedAt);
        Assert.Null(await here.AuthenticateAsync(text, Cancel));
        gold.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Null(await there.AuthenticateAsync(text, Cancel));
        Assert.Null(await here.RotateAsync(key.Id, TimeSpan.FromDays(1), Cancel));
        Assert.Null(await here.RevokeAsync("no#such", Cancel));
    }

    [Fact]
    public async Task A_key_ends_when_it_expires_and_a_rotated_one_after_the_overlap()
    {
        await using var gold = new GoldFixture();
        var keys = New(gold);
        var (key, text) = await keys.CreateAsync("Acme", KeyRole.Customer, "acme", gold.Clock.GetUtcNow() + TimeSpan.FromDays(30), KeyGrant.Plain, Cancel);
        gold.Clock.Advance(TimeSpan.FromDays(20));
        var (_, successor) = (await keys.RotateAsync(key.Id, TimeSpan.FromHours(1), Cancel))!.Value;
        Assert.NotNull(await keys.AuthenticateAsync(text, Cancel));
        gold.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(await keys.AuthenticateAsync(text, Cancel));
        gold.Clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromHours(1) - TimeSpan.FromTicks(1));
        Assert.NotNull(await keys.AuthenticateAsync(successor, Cancel));
        gold.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Null(await keys.AuthenticateAsync(successor, Cancel));
        Assert.All(await keys.ListAsync(Cancel), k => Assert.False(k.IsGoodAt(gold.Clock.GetUtcNow())));
    }

    /// <summary>The answer to the first was lost, say, and its secret with it.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(90)]
    public async Task A_key_that_is_rotated_twice_has_successors_of_its_own_life(int? days)
    {
        await using var gold = new GoldFixture();
        var keys = New(gold);
        var life = days is { } d ? TimeSpan.FromDays(d) : (TimeSpan?)null;
        var (key, text) = await keys.CreateAsync("Acme", KeyRole.Customer, "acme", gold.Clock.GetUtcNow() + life, KeyGrant.Plain, Cancel);
        gold.Clock.Advance(TimeSpan.FromDays(80));
        foreach (var _ in new[] { 1, 2 })
        {
            var (successor, other) = (await keys.RotateAsync(key.Id, TimeSpan.FromDays(1), Cancel))!.Value;
            Assert.Equal(gold.Clock.GetUtcNow() + life, successor.EndsAt);
            Assert.NotNull(await keys.AuthenticateAsync(other, Cancel));
            gold.Clock.Advance(TimeSpan.FromHours(11));
        }

        // The second rotation does not lengthen the first one's overlap.
        Assert.NotNull(await keys.AuthenticateAsync(text, Cancel));
        gold.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Null(await keys.AuthenticateAsync(text, Cancel));
        Assert.Null(await keys.RotateAsync(key.Id, TimeSpan.FromDays(1), Cancel));
    }

    [Fact]
    public async Task The_last_use_is_known_to_the_minute()
    {
        await using var gold = new GoldFixture();
        var keys = New(gold);
        var (_, text) = await keys.CreateAsync("Acme", KeyRole.Customer, "acme", null, KeyGrant.Plain, Cancel);
        Assert.Null(Assert.Single(await keys.ListAsync(Cancel)).LastUsedAt);
        var first = gold.Clock.GetUtcNow();
        await keys.AuthenticateAsync(text, Cancel);
        gold.Clock.Advance(TimeSpan.FromSeconds(59));
        await keys.AuthenticateAsync(text, Cancel);
        Assert.Equal(first, Assert.Single(await keys.ListAsync(Cancel)).LastUsedAt);
        gold.Clock.Advance(TimeSpan.FromSeconds(1));
        await keys.AuthenticateAsync(text, Cancel);
        Assert.Equal(first + TimeSpan.FromMinutes(1), Assert.Single(await keys.ListAsync(Cancel)).LastUsedAt);
    }

    [Theory]
    [InlineData(KeyRole.Customer, null)]
    [InlineData(KeyRole.Customer, "")]
    [InlineData(KeyRole.Analyst, "acme")]
    [InlineData(KeyRole.Operator, "acme")]
    public async Task Only_customers_are_of_a_tenant(object role, string? tenant)
    {
        await using var gold = new GoldFixture();
        await Assert.ThrowsAsync<ArgumentException>(() => New(gold).CreateAsync("x", (KeyRole)role, tenant, null, KeyGrant.Plain, Cancel));
    }

    [Fact]
    public async Task Acts_are_listed_newest_first()
    {
        await using var gold = new GoldFixture();
        var audit = new AuditLog(gold.Store, gold.Clock);
        for (var i = 0; i < 3; i++)
        {
            await audit.AddAsync(Caller.Operator, "key.create", i.ToString(System.Globalization.CultureInfo.InvariantCulture), null, Cancel);
            gold.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(["2", "1"], await audit.ListAsync(2, Cancel).Select(a => a.Subject).ToListAsync(Cancel));
        gold.Clock.Advance(AuditLog.Kept);
        Assert.Empty(await audit.ListAsync(10, Cancel).ToListAsync(Cancel));
    }

    private static ApiKeys New(GoldFixture gold) => new(gold.Store, gold.Clock, NullLogger<ApiKeys>.Instance);
}
