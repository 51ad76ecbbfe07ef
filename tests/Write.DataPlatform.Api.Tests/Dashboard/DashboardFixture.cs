using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Write.DataPlatform.Api.Tests.Dashboard;

/// <summary>One server and one browser for all tests that look at the page. Installed by <c>tests/stand-ins/install.sh</c>.</summary>
public sealed class DashboardFixture : IAsyncLifetime
{
    private const string Chromium = "/usr/bin/chromium";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>Why there is no browser, or null. In CI it is null always, so that a test fails instead.</summary>
    internal static string? Missing { get; } = File.Exists(Chromium) || Environment.GetEnvironmentVariable("CI") == "true" ? null : $"there is no browser at {Chromium}: run tests/stand-ins/install.sh";

    internal ServerFixture Server { get; } = new();

    public async ValueTask InitializeAsync()
    {
        await Server.InitializeAsync();
        if (Missing is null)
        {
            _playwright = await Playwright.CreateAsync();
            _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Chromium, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        await Server.DisposeAsync();
    }

    /// <summary>A reader with a browser profile of its own.</summary>
    /// <param name="address">What is opened first.</param>
    /// <param name="width">The window's width: 1280 is a desktop, 390 a phone.</param>
    /// <param name="theme">The reader's system.</param>
    /// <param name="proxied">Whether a proxy stands between, so that the reader is not the server's own operator.</param>
    /// <param name="server">The server; that of all tests unless said.</param>
    internal Task<Reader> OpenAsync(string address, int width = 1280, ColorScheme theme = ColorScheme.Light, bool proxied = false, ServerFixture? server = null) =>
        OpenAsync((server ?? Server).Client.BaseAddress!, address, width, theme, proxied);

    /// <summary>The same of a server that is no fixture.</summary>
    internal async Task<Reader> OpenAsync(Uri home, string address, int width = 1280, ColorScheme theme = ColorScheme.Light, bool proxied = false)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        var context = await _browser!.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = home.ToString(),
            ViewportSize = new ViewportSize { Width = width, Height = 900 },
            ColorScheme = theme,
            Locale = "en-GB",
            TimezoneId = "Europe/Berlin",
            ExtraHTTPHeaders = proxied ? [KeyValuePair.Create("X-Forwarded-For", "192.0.2.1")] : null,
        });
        var reader = new Reader(context, await context.NewPageAsync(), home.Authority);
        await reader.GoAsync(address);
        return reader;
    }
}

/// <summary>A page somebody looks at, and what it should not have done meanwhile.</summary>
internal sealed class Reader : IAsyncDisposable
{
    // The machine may be busy; what is waited for comes, or never.
    private const float Patience = 30_000;

    private readonly IBrowserContext _context;
    private readonly List<string> _faults = [];

    public Reader(IBrowserContext context, IPage page, string host)
    {
        _context = context;
        Page = page;
        context.SetDefaultTimeout(Patience);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _faults.Add($"console: {message.Text}");
            }
        };
        page.PageError += (_, error) => _faults.Add($"error: {error}");
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: "http" or "https" or "ws" or "wss" } url && url.Authority != host)
            {
                _faults.Add($"another host: {request.Url}");
            }
        };
    }

    public IPage Page { get; }

    public async Task GoAsync(string address)
    {
        await Page.GotoAsync(address);
        await SettledAsync();
    }

    /// <summary>Waits until everything on the page is there.</summary>
    public async Task SettledAsync()
    {
        await SeesAsync(Page.Locator("main h1"));
        await Expect(Page.Locator("[aria-busy=true], .loading")).ToHaveCountAsync(0, new() { Timeout = Patience });
        Assert.Equal(0, await Page.Locator(".state.error").CountAsync());
    }

    public static Task SeesAsync(ILocator what) => Expect(what.First).ToBeVisibleAsync(new() { Timeout = Patience });

    public static Task ReadsAsync(ILocator what, string text) => Expect(what).ToContainTextAsync(text, new() { Timeout = Patience });

    /// <summary>Goes by the tabulator to an element.</summary>
    public async Task TabToAsync(string selector)
    {
        for (var tries = 0; !await Page.EvaluateAsync<bool>("s => document.activeElement.matches(s)", selector); tries++)
        {
            Assert.True(tries < 120, $"The keyboard does not reach {selector}.");
            await Page.Keyboard.PressAsync("Tab");
        }
    }

    /// <summary>The texts of pictures that lie on each other or outside; each pair as one text.</summary>
    public async Task<string[]> CollisionsAsync(string selector) => await Page.EvaluateAsync<string[]>(
        """
        s => [...document.querySelectorAll(s)].flatMap(svg => {
          const frame = svg.getBoundingClientRect(), found = [];
          const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
          texts.forEach(([text, a], i) => {
            if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1) found.push(`${text} is cut`);
            for (const [other, b] of texts.slice(i + 1)) if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom) found.push(`${text} on ${other}`);
          });
          return found;
        })
        """,
        selector);

    public async Task AssertAccessibleAsync()
    {
        var found = await Page.RunAxe();
        Assert.Empty(found.Violations.SelectMany(v => v.Nodes.Select(n => $"{v.Id} ({v.Help}): {n.Html}")));
    }

    /// <summary>No error in the console, no request to another host.</summary>
    public void AssertQuiet() => Assert.Empty(_faults);

    public ValueTask DisposeAsync() => _context.DisposeAsync();
}

/// <summary>The tests that share the server and the browser.</summary>
[CollectionDefinition]
public sealed class DashboardCollection : ICollectionFixture<DashboardFixture>;
