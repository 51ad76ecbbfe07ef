using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Chaos;

/// <summary>Those who ask, each number held against the ledger: tenants and the operator, over insights, queries, the feed, CSV, jobs and tags, of gold, the tail and the lake.</summary>
internal sealed class Readers(Server server, Ledger ledger, Findings findings, Asker asker, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<string, (string Tag, Answer Answer)> _tags = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>Each tenant's key.</summary>
    public Dictionary<string, string> Keys { get; } = new(StringComparer.Ordinal);

    /// <summary>Asks until it is told to end.</summary>
    public async Task RunAsync(Random random, CancellationToken end)
    {
        try
        {
            while (true)
            {
                var tenant = Place.Tenants[random.Next(Place.Tenants.Count)];
                while (!server.IsUp)
                {
                    await Task.Delay(Pause, time, end);
                }

                await (random.Next(8) switch
                {
                    0 => InsightAsync(tenant, random.Next(2) == 0, end),
                    1 => QueryAsync(tenant, "auto", end),
                    2 => QueryAsync(tenant, "lake", end),
                    3 => DaysAsync(random.Next(3) == 0 ? "lake" : "auto", end),
                    4 => CheckAsync(CsvAsync(tenant, end)),
                    5 => CheckAsync(FeedAsync(tenant, end)),
                    6 => JobAsync(tenant, end),
                    _ => OptionalAsync(tenant, end),
                });
                await Task.Delay(random.NextDouble() * Pause, time, end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    /// <summary>What a tenant has by hour and item; all that it ever sent.</summary>
    public Question Hours(string tenant, string source)
    {
        var today = server.Now.Date;
        return new Question($"{source} by hour", tenant, today.AddDays(-3), today.AddDays(1), p => $"{p.Time:yyyy-MM-dd'T'HH}:00|{p.Item}");
    }

    /// <summary>What all tenants have by day.</summary>
    public Question Days(string source)
    {
        var today = server.Now.Date;
        return new Question($"{source} by day", null, today.AddDays(-3), today.AddDays(1), p => $"{p.Time:yyyy-MM-dd}|{p.Tenant}");
    }

    /// <summary>Asks a question of the tables.</summary>
    /// <returns>Null if there is no answer now: of gold alone 422 says that it does not hold all.</returns>
    public async Task<Reading?> AskAsync(Question question, string source, string[] columns, CancellationToken cancellationToken) =>
        await asker.AskAsync(Asker.Post("/v1/query", Body(question, source, columns), KeyOf(question.Tenant)), question.Tenant, [HttpStatusCode.OK, .. source == "gold" ? [HttpStatusCode.UnprocessableEntity] : (HttpStatusCode[])[]], cancellationToken) is { Status: HttpStatusCode.OK } answer
            ? asker.Read(answer, columns)
            : null;

    /// <summary>The columns of <see cref="Hours"/>.</summary>
    public static string[] HourColumns { get; } = ["metric_time__hour", "play__item"];

    /// <summary>The columns of <see cref="Days"/>.</summary>
    public static string[] DayColumns { get; } = ["metric_time__day", "play__customer"];

    /// <summary>The last half hour by minute and item.</summary>
    private Question Minutes(string tenant)
    {
        var to = server.Now;
        to = new DateTime(to.Ticks - to.Ticks % TimeSpan.TicksPerMinute, DateTimeKind.Utc).AddMinutes(2);
        return new Question("minutes", tenant, to.AddMinutes(-30), to, p => $"{Asker.Minute(p.Time)}|{p.Item}");
    }

    private string? KeyOf(string? tenant) => tenant is null ? null : Keys[tenant];

    private static JsonObject Body(Question question, string source, string[] columns) => new()
    {
        ["metrics"] = new JsonArray("plays", "amount"),
        ["groupBy"] = new JsonArray([.. columns.Select(c => JsonValue.Create(c))]),
        ["timeRange"] = new JsonObject { ["from"] = question.From.ToString("O", CultureInfo.InvariantCulture), ["to"] = question.To.ToString("O", CultureInfo.InvariantCulture) },
        ["source"] = source,
    };

    private async Task InsightAsync(string tenant, bool isConditional, CancellationToken cancellationToken)
    {
        var question = Minutes(tenant);
        var path = InsightPath(question, "");
        var request = Asker.Get(path, Keys[tenant]);
        (string Tag, Answer Answer)? known;
        lock (_gate)
        {
            known = isConditional && _tags.TryGetValue(tenant + path, out var found) ? found : null;
        }

        if (known is { } before)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", before.Tag);
        }

        if (await asker.AskAsync(request, tenant, [HttpStatusCode.OK, HttpStatusCode.NotModified], cancellationToken) is not { } answer)
        {
            return;
        }

        if (answer.Status == HttpStatusCode.NotModified)
        {
            // What the caller has is said to be right still.
            findings.Count("answers of 304");
            answer = known!.Value.Answer with { AskedAt = answer.AskedAt, AnsweredAt = answer.AnsweredAt };
        }
        else if (answer.Tag is { } tag)
        {
            lock (_gate)
            {
                _tags[tenant + path] = (tag, answer);
            }
        }

        ledger.Check(question, asker.Read(answer, "metric_time__minute", "play__item"));
    }

    private static string InsightPath(Question question, string more) => string.Create(CultureInfo.InvariantCulture, $"/v1/insights/plays-by-minute?from={question.From:yyyy-MM-dd'T'HH:mm:ss'Z'}&to={question.To:yyyy-MM-dd'T'HH:mm:ss'Z'}{more}");

    private async Task QueryAsync(string tenant, string source, CancellationToken cancellationToken)
    {
        var question = Hours(tenant, source);
        if (await AskAsync(question, source, HourColumns, cancellationToken) is { } reading)
        {
            ledger.Check(question, reading);
        }
    }

    private async Task DaysAsync(string source, CancellationToken cancellationToken)
    {
        var question = Days(source);
        if (await AskAsync(question, source, DayColumns, cancellationToken) is { } reading)
        {
            ledger.Check(question, reading);
        }
    }

    private async Task CheckAsync(Task<(Question Question, Reading Reading)?> asked)
    {
        if (await asked is { } answered)
        {
            ledger.Check(answered.Question, answered.Reading);
        }
    }

    /// <summary>A tenant's minutes as CSV.</summary>
    /// <returns>Null if there is no answer now.</returns>
    public async Task<(Question Question, Reading Reading)?> CsvAsync(string tenant, CancellationToken cancellationToken)
    {
        var question = Minutes(tenant);
        if (await asker.AskAsync(Asker.Get(InsightPath(question, "&format=csv"), Keys[tenant]), tenant, [HttpStatusCode.OK], cancellationToken) is { } answer)
        {
            var rows = answer.Body.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(',')).ToList();
            var named = rows.Skip(1).Select(r => new JsonObject(rows[0].Zip(r, (name, value) => KeyValuePair.Create(name, (JsonNode?)JsonValue.Create(value)))));
            return (question, new Reading(asker.Groups(named, "metric_time__minute", "play__item"), null, null, answer.AskedAt, answer.AnsweredAt));
        }

        return null;
    }

    /// <summary>Pages of the feed: all of them are of one version of the table, without its tail.</summary>
    /// <returns>Null if there is no answer now.</returns>
    public async Task<(Question Question, Reading Reading)?> FeedAsync(string tenant, CancellationToken cancellationToken)
    {
        var to = server.Now.Date.AddDays(1);
        var question = new Question("feed", tenant, to.AddDays(-4), to, p => $"{Asker.Minute(p.Time)}|{p.Item}");
        var rows = new List<JsonObject>();
        var asked = server.Now;
        for (var next = string.Create(CultureInfo.InvariantCulture, $"/odata/plays_by_minute?$select=metric_time__minute,play__item,plays,amount&$filter=metric_time__minute%20ge%20{question.From:yyyy-MM-dd'T'HH:mm:ss'Z'}"); next is not null;)
        {
            var request = Asker.Get(next, Keys[tenant]);
            request.Headers.TryAddWithoutValidation("Prefer", "odata.maxpagesize=700");

            // A table that was never built has no set, and pages end with the version that they are of.
            if (await asker.AskAsync(request, tenant, [HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.Gone], cancellationToken) is not { Status: HttpStatusCode.OK } answer)
            {
                return null;
            }

            var page = JsonNode.Parse(answer.Body)!;
            rows.AddRange(page["value"]!.AsArray().Select(r => r!.AsObject()));
            next = (string?)page["@odata.nextLink"] is { } link ? new Uri(server.Client.BaseAddress!, link).PathAndQuery : null;
            findings.Count("pages of the feed");
        }

        return (question, new Reading(asker.Groups(rows, "metric_time__minute", "play__item"), null, null, asked, server.Now));
    }

    private async Task JobAsync(string tenant, CancellationToken cancellationToken)
    {
        var question = Hours(tenant, "lake");
        var request = Asker.Post("/v1/query", Body(question, "lake", HourColumns), Keys[tenant]);
        request.Headers.TryAddWithoutValidation("Prefer", "respond-async, wait=0");
        var asked = server.Now;
        var answer = await asker.AskAsync(request, tenant, [HttpStatusCode.OK, HttpStatusCode.Accepted], cancellationToken);
        for (var tries = 0; answer is { Status: HttpStatusCode.Accepted, Location: { } job } && tries < 60; tries++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), time, cancellationToken);

            // 410: the process that had it is gone. 404: its answer was kept long enough, by a clock that went ahead.
            HttpStatusCode[] allowed = [HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.Gone, .. ledger.IsClockDoubtful ? [HttpStatusCode.NotFound] : (HttpStatusCode[])[]];
            answer = await asker.AskAsync(Asker.Get(job, Keys[tenant]), tenant, allowed, cancellationToken);
        }

        if (answer is { Status: HttpStatusCode.OK })
        {
            findings.Count("jobs");
            ledger.Check(question, asker.Read(answer with { AskedAt = asked }, HourColumns));
        }
    }

    /// <summary>A metric that comes and goes with the model.</summary>
    private async Task OptionalAsync(string tenant, CancellationToken cancellationToken)
    {
        var question = Hours(tenant, "large plays");
        var answer = await asker.AskAsync(
            Asker.Get($"/v1/query?metrics={Place.OptionalMetric}&groupBy=play__item&from={question.From:yyyy-MM-dd}&to={question.To:yyyy-MM-dd}", Keys[tenant]), tenant, [HttpStatusCode.OK, HttpStatusCode.BadRequest], cancellationToken);
        if (answer?.Status == HttpStatusCode.BadRequest && !answer.Body.Contains("unknown_metric", StringComparison.Ordinal))
        {
            findings.Break("status", $"A metric that may not be there gets {Asker.Short(answer.Body)}");
        }
        else if (answer?.Status == HttpStatusCode.OK)
        {
            var rows = JsonNode.Parse(answer.Body)!["rows"]!.AsArray();
            var groups = rows.ToDictionary(r => (string)r!["play__item"]!, r => new Sum((long)(r![Place.OptionalMetric] ?? 0L), 0));
            ledger.Check(question with { KeyOf = p => p.Amount > Place.Large ? p.Item : "" }, new Reading(groups, null, null, answer.AskedAt, answer.AnsweredAt));
        }
    }
}
