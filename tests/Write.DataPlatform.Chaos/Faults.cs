using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace Write.DataPlatform.Chaos;

/// <summary>What disturbs the server, one after the other in an order that the seed gives, each kind before any comes again.</summary>
internal sealed class Faults(Server server, Place place, Ledger ledger, Findings findings, Asker asker, TimeProvider time, bool hasClock)
{
    private const string Disk = "disk full";
    private const string Clock = "clock";

    private static readonly string[] Tables = ["plays_by_minute", "plays_by_day"];
    private static readonly TimeSpan TakesOver = TimeSpan.FromSeconds(30);

    private bool _mayFail;

    /// <summary>The ways in which it disturbs.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["kill", "kill in a refresh", "kill in a landing", "kill in a reload", "kill in a start", "refresh", "pause", "gold locked", "lake away", "reload", "broken model", Disk, Clock];

    /// <summary>Disturbs until a moment, then puts all right again.</summary>
    public async Task RunAsync(Random random, TimeSpan duration, IReadOnlyList<string> only, CancellationToken cancellationToken)
    {
        Dictionary<string, Func<Random, CancellationToken, Task>> ways = new()
        {
            ["kill"] = KillAsync, ["kill in a refresh"] = KillInRefreshAsync, ["kill in a landing"] = KillInLandingAsync, ["kill in a reload"] = KillInReloadAsync, ["kill in a start"] = KillInStartAsync,
            ["refresh"] = RefreshAsync, ["pause"] = PauseAsync, ["gold locked"] = LockGoldAsync, ["lake away"] = LakeAwayAsync, ["reload"] = ReloadAsync, ["broken model"] = BreakModelAsync,
            [Disk] = FillDiskAsync, [Clock] = JumpAsync,
        };
        var kinds = Names.Where(n => (only.Count == 0 || only.Contains(n)) && (n != Disk || place.NoDisk is null) && (n != Clock || hasClock)).ToArray();
        // After the clock was wrong less can be told of an answer.
        var clockFrom = kinds.Contains(Clock) && kinds.Length > 1 ? duration * 2 / 3 : (TimeSpan?)null;
        kinds = clockFrom is null ? kinds : [.. kinds.Where(n => n != Clock)];
        var started = time.GetTimestamp();
        var deck = new Queue<string>();
        while (time.GetElapsedTime(started) < duration)
        {
            await Task.Delay((0.5 + 2 * random.NextDouble()) * TimeSpan.FromSeconds(1), time, cancellationToken);
            if (time.GetElapsedTime(started) >= clockFrom)
            {
                (clockFrom, kinds) = (null, [.. kinds, Clock]);
                deck = new Queue<string>([Clock]);
            }
            else if (deck.Count == 0)
            {
                random.Shuffle(kinds);
                deck = new Queue<string>(kinds);
            }

            var name = deck.Dequeue();
            findings.Say(name);
            findings.Count("disturbance: " + name);
            server.Note(name);
            await ways[name](new Random(random.Next()), cancellationToken);
            await UpAsync(cancellationToken);
        }
    }

    /// <summary>A server that does not run is started; one that ended by itself is told.</summary>
    public async Task UpAsync(CancellationToken cancellationToken)
    {
        await server.DiedAsync();
        for (var tries = 0; !server.IsUp && tries < 3; tries++)
        {
            await server.StartAsync(mayFail: false, cancellationToken);
        }
    }

    /// <summary>Kills it and starts it again; while something is away it may refuse to start.</summary>
    private async Task KillNowAsync(Random random, CancellationToken cancellationToken)
    {
        findings.Count("kills");
        await server.KillAsync();
        await Task.Delay(random.NextDouble() * TimeSpan.FromSeconds(1), time, cancellationToken);
        await server.StartAsync(_mayFail, cancellationToken);
    }

    private async Task KillAsync(Random random, CancellationToken cancellationToken)
    {
        await Task.Delay(random.NextDouble() * TimeSpan.FromSeconds(4), time, cancellationToken);
        await KillNowAsync(random, cancellationToken);
    }

    private async Task KillInRefreshAsync(Random random, CancellationToken cancellationToken)
    {
        if (await BeginRefreshAsync(random, isFull: true, cancellationToken) is not null)
        {
            await Task.Delay(random.NextDouble() * TimeSpan.FromMilliseconds(500), time, cancellationToken);
        }

        await KillNowAsync(random, cancellationToken);
    }

    /// <summary>Kills it while a file for the lake is being written.</summary>
    private async Task KillInLandingAsync(Random _, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();

        // Such a file is there for a few milliseconds: a timer would miss it.
        await Task.Run(
            () =>
            {
                while (time.GetElapsedTime(started) < TimeSpan.FromSeconds(8) && !cancellationToken.IsCancellationRequested && !IsLanding())
                {
                    Thread.Yield();
                }
            },
            cancellationToken);
        await server.KillAsync();
        findings.Count("kills");
        if (IsLanding())
        {
            findings.Count("files half written for the lake");
        }

        await server.StartAsync(_mayFail, cancellationToken);

        bool IsLanding() => Directory.EnumerateFiles(place.Lake, ".*.landing", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Any();
    }

    private async Task KillInReloadAsync(Random random, CancellationToken cancellationToken)
    {
        place.Write(random.Next(2) == 0 ? ModelForm.WithMetric : ModelForm.WithDimension);
        await Task.Delay(random.NextDouble() * TimeSpan.FromSeconds(1.5), time, cancellationToken);
        await KillNowAsync(random, cancellationToken);
        await Task.Delay(random.NextDouble() * TimeSpan.FromSeconds(5), time, cancellationToken);
        place.Write(ModelForm.Plain);
    }

    private async Task KillInStartAsync(Random random, CancellationToken cancellationToken)
    {
        await server.KillAsync();
        for (var i = 0; i < 1 + random.Next(3); i++)
        {
            findings.Count("kills");
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            soon.CancelAfter((0.2 + 1.8 * random.NextDouble()) * TimeSpan.FromSeconds(1));
            try
            {
                await server.StartAsync(_mayFail, soon.Token);
                await server.KillAsync();
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It was killed on its way.
            }
        }
    }

    private async Task PauseAsync(Random random, CancellationToken cancellationToken) => await server.PauseAsync((1 + 9 * random.NextDouble()) * TimeSpan.FromSeconds(1), cancellationToken);

    private async Task RefreshAsync(Random random, CancellationToken cancellationToken)
    {
        if (await BeginRefreshAsync(random, isFull: random.Next(2) == 0, cancellationToken) is not { } run)
        {
            return;
        }

        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < TakesOver)
        {
            if (await asker.AskAsync(Asker.Get(run, null), null, [HttpStatusCode.OK], cancellationToken) is { } answer && (string)JsonNode.Parse(answer.Body)!["run"]!["state"]! is var state and not ("running" or "queued" or "pending"))
            {
                findings.Count($"refreshes {state}");
                if (state is not ("succeeded" or "interrupted"))
                {
                    findings.Break("refused", $"A refresh that nothing disturbs ended as {state}: {Asker.Short(answer.Body)}");
                }

                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), time, cancellationToken);
        }

        findings.Break("not healed", $"The refresh {run} does not end.");
    }

    /// <returns>The run's address; null if it did not begin.</returns>
    private async Task<string?> BeginRefreshAsync(Random random, bool isFull, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/gold/{Tables[random.Next(Tables.Length)]}/refresh{(isFull ? "?full=true" : "")}");

        // 409: the schedule is at the same table.
        return await asker.AskAsync(request, null, [HttpStatusCode.Accepted, HttpStatusCode.Conflict], cancellationToken) is { Status: HttpStatusCode.Accepted, Location: { } run } ? run : null;
    }

    /// <summary>Another process holds the store's write lock.</summary>
    private async Task LockGoldAsync(Random random, CancellationToken cancellationToken)
    {
        await using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = place.Gold, Pooling = false, DefaultTimeout = 20 }.ToString());
        await connection.OpenAsync(cancellationToken);
        await ExecuteAsync(connection, "BEGIN EXCLUSIVE", cancellationToken);
        await HoldAsync(random, 14, cancellationToken);
        await ExecuteAsync(connection, "ROLLBACK", cancellationToken);
    }

    private static async Task ExecuteAsync(SqliteConnection connection, string text, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The lake's folder is not there, as a share that is not mounted.</summary>
    private async Task LakeAwayAsync(Random random, CancellationToken cancellationToken)
    {
        var away = place.Lake + ".away";
        Directory.Move(place.Lake, away);
        await HoldAsync(random, 8, cancellationToken);
        if (Directory.Exists(place.Lake))
        {
            findings.Break("lost", $"While the lake's folder was away the server made one of its own: {string.Join(", ", Directory.EnumerateFileSystemEntries(place.Lake, "*", SearchOption.AllDirectories).Take(5))}");
            await server.KillAsync();
            Directory.Delete(place.Lake, recursive: true);
        }

        Directory.Move(away, place.Lake);
    }

    /// <summary>Nothing fits on the disk any more.</summary>
    private async Task FillDiskAsync(Random random, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var filling = FillAsync(end.Token);
        try
        {
            await HoldAsync(random, 9, cancellationToken);
        }
        finally
        {
            await end.CancelAsync();
            await filling;
            File.Delete(place.Ballast);
        }
    }

    /// <summary>Takes what there is, and what becomes free.</summary>
    private async Task FillAsync(CancellationToken end)
    {
        await using var ballast = new FileStream(place.Ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var bytes = new byte[1 << 20];
        for (var size = bytes.Length; !end.IsCancellationRequested;)
        {
            try
            {
                await ballast.WriteAsync(bytes.AsMemory(0, size), CancellationToken.None);
            }
            catch (IOException)
            {
                if (size > 1024)
                {
                    size /= 2;
                    continue;
                }

                size = 64 << 10;
                try
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(50), time, end);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    /// <summary>The server's clock is wrong for a while, and then right at once.</summary>
    private async Task JumpAsync(Random random, CancellationToken cancellationToken)
    {
        var seconds = random.Next(3) switch { 0 => -random.Next(10, 7200), 1 => random.Next(10, 600), _ => random.Next(600, 6 * 3600) };
        ledger.IsClockDoubtful = true;
        findings.Say(string.Create(CultureInfo.InvariantCulture, $"  by {seconds} s"));
        SetClock(seconds);
        await HoldAsync(random, 12, cancellationToken);
        SetClock(0);
        await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
    }

    /// <summary>Says by how many seconds the server's clock is ahead.</summary>
    public void SetClock(int seconds)
    {
        File.WriteAllText(place.Clock + ".new", string.Create(CultureInfo.InvariantCulture, $"{seconds:+0;-0;+0}"));
        File.Move(place.Clock + ".new", place.Clock, overwrite: true);
    }

    /// <summary>A metric or a dimension comes, is served, and goes.</summary>
    private async Task ReloadAsync(Random random, CancellationToken cancellationToken)
    {
        var form = random.Next(2) == 0 ? ModelForm.WithMetric : ModelForm.WithDimension;
        place.Write(form);
        await KnowsAsync(Place.OptionalMetric, form == ModelForm.WithMetric, cancellationToken);
        await Task.Delay(random.NextDouble() * TimeSpan.FromSeconds(12), time, cancellationToken);
        place.Write(ModelForm.Plain);
        await KnowsAsync(Place.OptionalMetric, false, cancellationToken);
    }

    private async Task KnowsAsync(string metric, bool isKnown, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < TakesOver)
        {
            if (await asker.AskAsync(Asker.Get("/v1/metrics/" + metric, null), null, [HttpStatusCode.OK, HttpStatusCode.NotFound], cancellationToken) is { } answer && answer.Status == HttpStatusCode.OK == isKnown)
            {
                findings.Count("models taken over");
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), time, cancellationToken);
        }

        findings.Break("not healed", $"The changed model is not taken over: the metric {metric} is {(isKnown ? "not there" : "still there")}.");
    }

    /// <summary>A model with mistakes: the old one serves on and health says so; a server that is killed meanwhile refuses to start.</summary>
    private async Task BreakModelAsync(Random random, CancellationToken cancellationToken)
    {
        place.Write(ModelForm.Broken);
        var started = time.GetTimestamp();
        var isTold = false;
        while (!isTold && time.GetElapsedTime(started) < TakesOver)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(300), time, cancellationToken);
            isTold = await asker.AskAsync(Asker.Get("/health", null), null, [HttpStatusCode.OK], cancellationToken) is { } answer && answer.Body.Contains("conut", StringComparison.Ordinal);
        }

        if (!isTold)
        {
            findings.Break("not healed", "Health does not tell that the model has mistakes.");
        }

        if (random.Next(2) == 0)
        {
            findings.Count("kills");
            await server.KillAsync();
            await server.StartAsync(mayFail: null, cancellationToken);
        }

        place.Write(ModelForm.Plain);
    }

    /// <summary>Leaves something as it is for a while; sometimes the server is killed, all of a table is refreshed or the model changes in the midst of it.</summary>
    private async Task HoldAsync(Random random, int seconds, CancellationToken cancellationToken)
    {
        var part = (1 + (seconds - 1) * random.NextDouble()) * TimeSpan.FromSeconds(0.5);
        await Task.Delay(part, time, cancellationToken);
        switch (random.Next(6))
        {
            case 0 or 1:
                _mayFail = true;
                await KillNowAsync(random, cancellationToken);
                _mayFail = false;
                break;
            case 2:
                await BeginRefreshAsync(random, isFull: true, cancellationToken);
                break;
            case 3:
                place.Write(random.Next(2) == 0 ? ModelForm.WithMetric : ModelForm.WithDimension);
                await Task.Delay(part, time, cancellationToken);
                place.Write(ModelForm.Plain);
                break;
        }

        await Task.Delay(part, time, cancellationToken);
    }
}
