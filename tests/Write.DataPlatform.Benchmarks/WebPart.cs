using Microsoft.Playwright;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;
using Microsoft.Extensions.DependencyInjection;

namespace Write.DataPlatform.Benchmarks;

/// <summary>The dashboard in a real browser on a slow line: what it weighs, and when its first chart stands.</summary>
internal static class WebPart
{
    private const string Name = "web";
    private const string Chromium = "/usr/bin/chromium";
    private const int BytesPerSecond = 200_000;
    private const int LatencyMilliseconds = 150;

    // The moment at which a line is in the page, told by the page itself.
    private const string Watch = "new MutationObserver((_, watch) => { if (document.querySelector('.plot path.line')) { window.firstChart = performance.now(); watch.disconnect(); } }).observe(document, { childList: true, subtree: true });";

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, World world, CancellationToken cancellationToken)
    {
        if (!File.Exists(Chromium))
        {
            Console.Error.WriteLine($"{Name}: not measured, for there is no browser at {Chromium} (tests/stand-ins/install.sh installs it).");
            return [];
        }

        await world.RestartAsync(Role.Api, cancellationToken);
        var url = world.App.Urls.Single();
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Chromium, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });

        // Once without a brake, so that the server has read its segments.
        await LoadAsync(browser, url, isSlow: false);
        await world.App.Services.GetRequiredService<GoldEngine>().SettleAsync();
        var (bytes, _) = await LoadAsync(browser, url, isSlow: false);
        var times = await Measure.InTurnsAsync(scale.Rounds, cancellationToken, async () => (await LoadAsync(browser, url, isSlow: true)).Milliseconds);
        return
        [
            new Figure(Name, "page, styles, scripts and data of the overview, as sent", "kB", bytes / 1000.0, null, Bound.AtMost, 60),
            new Figure(Name, $"first chart, nothing cached, on {BytesPerSecond / 1000} kB/s and {LatencyMilliseconds} ms", "ms", times[0], null, Bound.AtMost, 1000),
        ];
    }

    /// <summary>Opens the page in a new profile and waits for its first chart.</summary>
    private static async Task<(long Bytes, double Milliseconds)> LoadAsync(IBrowser browser, string url, bool isSlow)
    {
        await using var context = await browser.NewContextAsync();
        var page = await context.NewPageAsync();
        await page.AddInitScriptAsync(Watch);
        var line = await context.NewCDPSessionAsync(page);
        await line.SendAsync("Network.enable");
        long bytes = 0;
        line.Event("Network.loadingFinished").OnEvent += (_, told) => bytes += (long)told!.Value.GetProperty("encodedDataLength").GetDouble();
        if (isSlow)
        {
            await line.SendAsync("Network.emulateNetworkConditions", new Dictionary<string, object> { ["offline"] = false, ["latency"] = LatencyMilliseconds, ["downloadThroughput"] = BytesPerSecond, ["uploadThroughput"] = BytesPerSecond });
        }

        await page.GotoAsync(url, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        await page.Locator(".plot path.line").First.WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Attached });
        return (bytes, await page.EvaluateAsync<double>("() => window.firstChart"));
    }
}
