using Microsoft.Playwright;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Tests.Dashboard;
using static Microsoft.Playwright.Assertions;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>What the dashboard says of alerts and reports, in a browser.</summary>
[Collection(typeof(DashboardCollection))]
public sealed class AlertCardTests(DashboardFixture fixture)
{
    [Fact]
    public async Task The_card_shows_what_fires_waits_and_was_given_up_and_tests_a_rule()
    {
        Assert.SkipWhen(DashboardFixture.Missing is not null, DashboardFixture.Missing ?? "");
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        for (var i = 0; i < AlertOutbox.Tries; i++)
        {
            world.Receiver.Answers.Enqueue(404);
        }

        await world.HourAsync();
        foreach (var _ in Enumerable.Range(0, AlertOutbox.Tries))
        {
            world.Server.Advance(TimeSpan.FromMinutes(1));
            await world.Outbox.DeliverAsync(cancellationToken: TestContext.Current.CancellationToken);
        }

        await using var reader = await fixture.OpenAsync(world.Server.Client.BaseAddress!, "/?view=operations");
        var rules = reader.Page.GetByRole(AriaRole.Region, new() { Name = "Alerts and reports" });
        await Reader.SeesAsync(rules);
        foreach (var kind in new[] { "alerts", "reports" })
        {
            foreach (var rule in (await world.Server.GetAsync("/v1/" + kind)).Body[kind]!.AsArray())
            {
                var status = (string)rule!["status"]! switch { "noData" => "no data", "unknown" => "not evaluated yet", "givenUp" => "given up", var same => same };
                await Expect(Row((string)rule["name"]!).Locator(".badge")).ToHaveTextAsync(status);
            }
        }

        await Expect(Row("too-many").Locator(".badge")).ToHaveTextAsync("firing");
        await Expect(Row("picture").Locator(".badge")).ToHaveTextAsync("given up");
        await Reader.ReadsAsync(Row("picture"), "The receiver answered 404.");
        await Reader.ReadsAsync(Row("too-many"), "seconds above 19");
        await Reader.ReadsAsync(reader.Page.Locator("section").Filter(new() { Has = reader.Page.GetByRole(AriaRole.Heading, new() { Name = "Alerts", Exact = true }) }), "1 firing");

        var before = world.Receiver.All.Count;
        await rules.GetByRole(AriaRole.Button, new() { Name = "Test too-many now" }).ClickAsync();
        await Reader.ReadsAsync(reader.Page.Locator("#said"), "too-many: firing");
        Assert.Equal(before, world.Receiver.All.Count);
        await reader.AssertAccessibleAsync();
        reader.AssertQuiet();
        ILocator Row(string name) => rules.Locator("tbody tr").Filter(new() { Has = reader.Page.GetByRole(AriaRole.Rowheader, new() { Name = name, Exact = true }) });
    }
}
