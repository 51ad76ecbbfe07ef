using System.Globalization;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>One attempt to see what is not acme's.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path and query.</param>
/// <param name="Body">The body; null for none.</param>
/// <param name="Headers">Headers beside the key.</param>
/// <param name="HasTwin">Whether the server that never had the rest must answer the same.</param>
/// <param name="IsOperators">Whether the route is for operators.</param>
/// <param name="IsPlain">Whether it is a query that acme may well ask, and whose rows are looked at.</param>
internal sealed record Attack(string Method, string Path, string? Body, (string Name, string Value)[] Headers, bool HasTwin = true, bool IsOperators = false, bool IsPlain = false)
{
    /// <summary>Whether it is about a query that goes on for another customer.</summary>
    public bool IsOfJob { get; init; }

    /// <summary>The forged token that is shown in the place of acme's key; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>Whether an answer is text, which can be compared without its times and revisions.</summary>
    public bool IsText => !Headers.Contains(Arrow) && !Path.Contains("format=arrow", StringComparison.Ordinal) && !Path.Contains("format=parquet", StringComparison.Ordinal);

    public static (string Name, string Value) Arrow { get; } = ("Accept", "application/vnd.apache.arrow.stream");

    public string Text => $"{Method} {Path}\n{string.Join('\n', Headers.Select(h => $"{h.Name}: {h.Value}"))}\n{Body}";
}

/// <summary>What another customer was given.</summary>
/// <param name="Pages">Cursors and tags.</param>
/// <param name="Jobs">The ids of queries that go on without it.</param>
/// <param name="Runs">The ids of refreshes of its rows.</param>
/// <param name="Tokens">What was made of tokens.</param>
internal sealed record Stolen(IReadOnlyList<string> Pages, IReadOnlyList<string> Jobs, IReadOnlyList<string> Runs, IReadOnlyList<string> Tokens);

/// <summary>Draws attempts: every route and option, with names and values of other customers, hidden names, text that is meant as code, and forged pages.</summary>
internal sealed class AttackGenerator(Random random, Stolen stolen)
{
    private static readonly string[] Metrics = ["visits", "visits", "visits", "seconds", "seconds_a_visit", "shows_seen", "revenue", "margin", "revenu", "vists"];

    private static readonly string[] Fields =
        ["visit__country", "visit__country", "visit__device", "visit__customer", "metric_time__month", "metric_time", "show", "show__genre", "visit__show__genre", "visit__echelon", "show__budget", "visit__show__budget", "show__revenue", "show__visits", "echelon", "visit__echelo", "visit", "visit__started_at__day"];

    private static readonly string[] Texts =
    [
        "FR", "DE", "Wakanda", "Atlantis", "globex", "acme", "initech", "platinum", "goldentier", "' OR '1'='1", "'; DROP TABLE visits; --", "x' UNION SELECT customer FROM read_parquet('../../*') --", "\") OR 1=1 --",
        "{{ Dimension('visit__echelon') }}", "${jndi:ldap://127.0.0.1}", "%27%20OR%201=1", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "\u0000", "\ud83d\ude42", "a\nb", "<script>", "$$x$$", "?", "*", "", " ", "NaN", "1e999",
        "-1", "9223372036854775808", "2026-01-01", "null", "true", "(?i).*", ".*(a+)+$", "[", "\\", "E'\\x27'", "chr(39)", "getenv('HOME')", "'||(SELECT 1)||'",
    ];

    private static readonly string[] Operators = ["equals", "notEquals", "in", "notIn", "gt", "gte", "lt", "lte", "between", "contains", "notContains", "startsWith", "endsWith", "matches", "isSet", "isNotSet", "exists", "sql"];

    private static readonly string[] Names = ["by-country", "by-country", "inside", "inner-circle", "revenue-report", "by-echelon", "by-budget", "by-contry", "..", "..%2f..%2fkeys", "%00", "by-country%2f..%2finside"];

    private static readonly string[] Sets = ["customers_daily", "customers_daily", "metrics", "metrics_visits", "visits_daily", "visits_by_s", "customers_daily('2026-01-01~.Wakanda')", "customers_daily/$count", "$metadata", "", "..%2fvisits_daily", "customers_daily;x"];

    private static readonly (string Method, string Path)[] OperatorRoutes =
    [
        ("GET", "/v1/gold"), ("GET", "/v1/gold/visits_daily"), ("GET", "/v1/gold/visits_by_s"), ("POST", "/v1/gold/visits_daily/refresh"), ("GET", "/v1/runs"), ("GET", "/v1/runs/{run}"), ("POST", "/v1/runs/{run}/cancel"), ("POST", "/v1/runs/x/cancel"), ("GET", "/v1/keys"),
        ("POST", "/v1/keys"), ("DELETE", "/v1/keys/0123456789abcdef"), ("POST", "/v1/keys/0123456789abcdef/rotate"), ("GET", "/v1/audit"), ("POST", "/v1/query/explain"),
        ("POST", "/v1/events/visits"), ("GET", "/v1/streams"), ("GET", "/v1/streams/visits/dead-letters"), ("POST", "/v1/streams/visits/dead-letters/replay"),
        ("POST", "/v1/alerts/x/test"), ("POST", "/v1/reports/x/send"), ("GET", "/metrics"),
    ];

    public Attack Next() => random.Next(19) switch
    {
        0 or 1 or 2 => new Attack("POST", "/v1/query" + Eyes(), Query().ToJsonString(), Smuggled()),
        3 => new Attack("GET", "/v1/query?" + Address(), null, Smuggled()),
        4 => new Attack("GET", Catalog(), null, Smuggled()),
        5 => new Attack("GET", $"/v1/insights/{Pick(Names)}?{string.Join('&', Some(["country=" + Escaped(Pick(Texts)), "by=" + Pick(Fields), "from=" + Escaped(Pick(Texts)), "echelon=platinum", "metrics=revenue", "tenant=globex", "role=open"]))}", null, Smuggled()),
        6 or 7 => new Attack("GET", $"/odata/{Pick(Sets)}?{string.Join('&', Some(["$filter=" + Escaped(Condition()), "$apply=" + Escaped(Apply()), "$select=country,revenue", "$orderby=visits desc", "$search=Wakanda", "$count=true", "$top=3", "$skip=-1", "$expand=x", "$compute=" + Escaped("visits add 1 as revenue"), "tenant=globex"]))}", null, Smuggled()),
        8 => Operator(),
        9 => Forged(),
        10 => Monster(),
        11 => Plain(),
        12 => Job(),
        13 or 14 => Tool(),
        15 => new Attack("GET", Other() + Eyes(), null, Smuggled()),
        16 => Batch(),
        17 => new Attack("GET", Pick<string>(["/v1/query?metrics=visits", "/v1/metrics", "/odata/metrics?$apply=aggregate(visits)", "/v1/keys", "/v1/insights/by-country"]), null, Smuggled(), HasTwin: false) { Token = Pick(stolen.Tokens) },
        _ => Wandering(),
    };

    /// <summary>Pictures, and what is the caller's own.</summary>
    private string Other() => random.Next(4) switch
    {
        0 => "/v1/" + Pick<string>(["alerts", "alerts/x", "alerts/..%2fkeys", "reports", "reports/x", "reports/globex"]),
        1 => "/v1/caller",
        _ => $"/v1/insights/{Pick(Names)}.svg",
    };

    /// <summary>Several requests of the feed in one, of all of which the key is the batch's.</summary>
    private Attack Batch()
    {
        var requests = Enumerable.Range(0, 1 + random.Next(3)).Select(i => (JsonNode?)new JsonObject
        {
            ["id"] = i.ToString(CultureInfo.InvariantCulture),
            ["method"] = "GET",
            ["url"] = random.Next(4) == 0 ? Pick<string>(["/v1/keys", "../v1/keys", "http://localhost/v1/keys", "$batch"]) : Pick(Sets) + "?$filter=" + Escaped(Condition()),
            ["headers"] = new JsonObject(Smuggled().DistinctBy(h => h.Item1).Select(h => KeyValuePair.Create(h.Item1, (JsonNode?)h.Item2))),
        });
        return new Attack("POST", "/odata/$batch" + Eyes(), new JsonObject { ["requests"] = new JsonArray([.. requests]) }.ToJsonString(), Smuggled());
    }

    private Attack Plain()
    {
        string metric = Pick<string>(["visits", "seconds", "seconds_a_visit", "shows_seen"]), field = Pick<string>(["visit__country", "visit__device", "visit__customer", "show__genre", "show", "metric_time__month", "visit__started_at__day"]);
        return random.Next(5) switch
        {
            0 => new Attack("GET", $"/v1/dimensions/{(field.Contains("__month", StringComparison.Ordinal) || field.Contains("__day", StringComparison.Ordinal) ? "show" : field)}/values?metrics={metric}", null, Smuggled(), IsPlain: true),
            1 => new Attack("GET", $"/odata/metrics?$apply=groupby(({field}),aggregate({metric}))", null, Smuggled(), IsPlain: true),
            2 => new Attack("GET", $"/v1/insights/by-country?by={field}", null, Smuggled(), IsPlain: true),
            _ => new Attack("POST", "/v1/query" + Eyes(), $$"""{"metrics":["{{metric}}"],"groupBy":["{{field}}"],"totals":{{(random.Next(2) == 0 ? "true" : "false")}},"source":"{{Pick<string>(["auto", "lake"])}}"}""", Smuggled(), IsPlain: true),
        };
    }

    private Attack Operator()
    {
        var (method, path) = Pick(OperatorRoutes);
        return new Attack(method, path.Replace("{run}", Pick(stolen.Runs), StringComparison.Ordinal) + Eyes(), method == "POST" ? """{"name":"mine","role":"operator","metrics":["visits"]}""" : null, Smuggled(), IsOperators: true);
    }

    /// <summary>A query that goes on for another customer, looked at, waited for and ended.</summary>
    private Attack Job() => random.Next(4) == 0
        ? new Attack("GET", "/v1/queries" + Eyes(), null, Smuggled(), HasTwin: false)
        : new Attack(Pick<string>(["GET", "GET", "DELETE", "HEAD"]), "/v1/queries/" + Escaped(Changed(Pick(stolen.Jobs))) + Eyes(), null, [.. Smuggled(), .. Some<(string, string)>([("Prefer", "wait=1")], most: 1)], HasTwin: false) { IsOfJob = true };

    /// <summary>The same by the Model Context Protocol.</summary>
    private Attack Tool()
    {
        var (tool, arguments) = random.Next(6) switch
        {
            0 => ("list_metrics", new JsonObject { ["name"] = random.Next(2) == 0 ? Pick(Metrics) : Pick(Texts) }),
            1 => ("list_dimensions", new JsonObject { ["metrics"] = new JsonArray([.. Some(Metrics).Select(m => (JsonNode?)m)]) }),
            2 => ("list_values", new JsonObject { ["dimension"] = Pick(Fields), ["search"] = Pick(Texts), ["metrics"] = new JsonArray([.. Some(Metrics).Select(m => (JsonNode?)m)]) }),
            3 => ("explain", new JsonObject { ["query"] = Query() }),
            _ => ("query", new JsonObject { ["query"] = Query() }),
        };
        var call = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = "tools/call", ["params"] = new JsonObject { ["name"] = tool, ["arguments"] = arguments } };
        return new Attack("POST", "/mcp", call.ToJsonString(), [.. Smuggled().Where(h => h.Item1 != "Accept"), ("Accept", "application/json, text/event-stream")]);
    }

    private string Changed(string text) => random.Next(text.Length) is var at && random.Next(3) is var how && how == 0 ? text : how == 1 ? text[..at] + (text[at] == 'A' ? 'B' : 'A') + text[(at + 1)..] : text[..at] + "x";

    /// <summary>Pages and tags that were given to another customer, whole and changed.</summary>
    private Attack Forged()
    {
        var changed = Changed(Pick(stolen.Pages));
        return random.Next(5) switch
        {
            0 => new Attack("GET", "/v1/query?metrics=visits&groupBy=visit__country&limit=1&cursor=" + Escaped(changed), null, [], HasTwin: false),
            1 => new Attack("POST", "/v1/query?cursor=" + Escaped(changed), """{"metrics":["visits"],"groupBy":["visit__country"],"limit":1}""", [], HasTwin: false),
            2 => new Attack("GET", "/odata/customers_daily?$skiptoken=" + Escaped(changed), null, [("Prefer", "odata.maxpagesize=1")], HasTwin: false),
            3 => new Attack("GET", "/v1/query?metrics=visits&groupBy=visit__country", null, [("If-None-Match", $"\"{changed}\"")], HasTwin: false),
            _ => new Attack("GET", "/v1/insights/by-country?cursor=" + Escaped(changed), null, [], HasTwin: false),
        };
    }

    /// <summary>Requests that are too deep, too long, or none.</summary>
    private Attack Monster() => new("POST", "/v1/query", random.Next(6) switch
    {
        0 => "{\"metrics\":[\"visits\"],\"where\":" + string.Concat(Enumerable.Repeat("{\"not\":", random.Next(20, 5_000))) + "1",
        1 => "{\"metrics\":[\"visits\"],\"where\":{\"field\":\"visit__country\",\"op\":\"in\",\"values\":[" + string.Join(',', Enumerable.Repeat("\"x\"", random.Next(1_000, 20_000))) + "]}}",
        2 => "{\"metrics\":[" + string.Join(',', Enumerable.Range(0, 500).Select(i => $"\"revenue{i}\"")) + "]}",
        3 => new string('[', random.Next(60, 10_000)),
        4 => "{\"metrics\":[\"" + new string('r', random.Next(1_000, 100_000)) + "\"]}",
        _ => "{\"metrics\":[\"visits\"],\"scope\":null,\"tenant\":\"globex\",\"Tenant\":null,\"sql\":\"SELECT 1\"}",
    }, []);

    /// <summary>Ways around the routes.</summary>
    private Attack Wandering() => new("GET", Pick<string>(
    [
        "/v1/../v1/keys", "/v1/./keys", "//v1/keys", "/v1//keys", "/V1/KEYS", "/v1/keys/", "/v1/keys%2f", "/v1%2fkeys", "/%76%31/keys", "/v1/insights/%2e%2e/keys", "/swagger/../v1/keys", "/swagger/%2e%2e%2f%2e%2e%2fappsettings.json",
        "/odata/../v1/keys", "/odata/%2e%2e/v1/keys", "/v1/query;x=1?metrics=visits", "/v1/keys?_method=GET&apikey=", "/v1/metrics/..%5c..%5cmodel.yaml", "/health?details=true", "/health/ready?tenant=globex", "/v1/runs/..%2f..%2fkeys",
        "/v1/dimensions/..%2fmetrics/values", "/metrics/..", "/.git/config", "/appsettings.json", "/swagger/v1/swagger.json", "/powerbi/write.pbids",
    ]), null, Smuggled(), HasTwin: false);

    private (string, string)[] Smuggled() => [.. Some<(string, string)>(
    [
        ("X-Tenant", "globex"), ("X-Role", "open"), ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/v1/keys"), ("X-Rewrite-URL", "/v1/keys"), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "localhost"),
        ("Forwarded", "for=127.0.0.1;host=localhost"), ("X-Real-IP", "127.0.0.1"), ("Origin", "http://localhost"), ("If-None-Match", "*"), ("X-Caller", "operator"), ("Cookie", "tenant=globex"), ("Accept", "text/csv"), Attack.Arrow, ("Prefer", "respond-async, wait=10"), ("X-Original-Host", "localhost"),
    ], most: 2)];

    private string Eyes() => random.Next(4) == 0 ? Pick<string>(["?tenant=globex", "?tenant=globex&tenant=acme", "?role=open", "?tenant=&tenant=globex", "?Tenant=globex"]) : "";

    private JsonObject Query()
    {
        var query = new JsonObject { ["metrics"] = new JsonArray([.. Some(Metrics, most: 3).Distinct().Select(m => (JsonNode?)m)]) };
        void Maybe(string name, Func<JsonNode?> value)
        {
            if (random.Next(3) == 0)
            {
                query[name] = value();
            }
        }

        Maybe("groupBy", () => new JsonArray([.. Some(Fields, most: 3).Distinct().Select(f => (JsonNode?)f)]));
        Maybe("where", () => Where(3));
        Maybe("having", () => new JsonObject { ["field"] = Pick(Metrics), ["op"] = Pick(Operators), ["values"] = new JsonArray(random.Next(100)) });
        Maybe("orderBy", () => new JsonArray(new JsonObject { ["field"] = random.Next(2) == 0 ? Pick(Metrics) : Pick(Fields), ["descending"] = true }));
        Maybe("limit", () => random.Next(-1, 5));
        Maybe("totals", () => true);
        Maybe("source", () => Pick<string>(["auto", "lake", "gold", "visits_by_s"]));
        Maybe("timeZone", () => Pick<string>(["UTC", "Europe/Berlin", "'; --"]));
        Maybe("timeRange", () => new JsonObject { ["from"] = random.Next(4) == 0 ? Pick(Texts) : "2026-01-01", ["to"] = "2026-03-01" });
        if (random.Next(10) == 0)
        {
            query[Pick<string>(["tenant", "scope", "role", "sql", "cursor"])] = Pick(Texts);
        }

        return query;
    }

    private JsonObject Where(int depth) => random.Next(depth) switch
    {
        0 => new JsonObject { ["field"] = Pick(Fields), ["op"] = Pick(Operators), ["values"] = new JsonArray([.. Some(Texts, most: 3).Select(t => (JsonNode?)t)]) },
        1 => new JsonObject { [Pick<string>(["and", "or"])] = new JsonArray(Where(depth - 1), Where(depth - 1)) },
        _ => new JsonObject { ["not"] = Where(depth - 1) },
    };

    private string Address() => string.Join('&', Some(
    [
        "groupBy=" + Pick(Fields), "where=" + Escaped(Where(2).ToJsonString()), "where=" + Escaped($"{{{{ Dimension('{Pick(Fields)}') }}}} = '{Pick(Texts).Replace("'", "''", StringComparison.Ordinal)}'"),
        "where=" + Escaped($"{{{{ Dimension('{Pick(Fields)}') }}}} = {Pick(Texts)}"), "where=" + Escaped("{{ Metric('revenue', ['show']) }} > 1"), "orderBy=-" + Pick(Metrics), "limit=" + random.Next(3).ToString(CultureInfo.InvariantCulture),
        "tenant=globex", "role=open", "format=" + Pick<string>(["csv", "arrow", "parquet", "svg", "exe"]), "apikey=", "last=" + Escaped(Pick(Texts)),
    ]).Prepend("metrics=" + Pick(Metrics)));

    private string Catalog() => random.Next(5) switch
    {
        0 => "/v1/metrics/" + Escaped(random.Next(2) == 0 ? Pick(Metrics) : Pick(Texts)),
        1 => "/v1/dimensions?metrics=" + Pick(Metrics) + "," + Pick(Metrics),
        2 => $"/v1/dimensions/{Pick(Fields)}/values?search={Escaped(Pick(Texts))}",
        3 => $"/v1/dimensions/{Pick(Fields)}/values?prefix={Escaped(Pick(Texts))}&metrics={Pick(Metrics)}&limit={random.Next(3)}",
        _ => "/v1/" + Pick<string>(["metrics", "dimensions", "insights", "saved-queries", "saved-queries/plain", "dimensions?tenant=globex"]),
    };

    private string Condition() => Pick<string>(
    [
        "visit__country eq 'Wakanda'", "visit__country ne null", "contains(visit__country,'%')", "visit__echelon eq 'platinum'", "visits gt 0", "revenue gt 0", "visit__country eq '''; DROP TABLE x; --'", "1 eq 1", "true", "row_key ne ''",
        "visit__country in ('Wakanda','FR')", "matchesPattern(visit__country,'.*')", "customer eq 'globex'", "((((",
    ]);

    private string Apply() => Pick<string>(
    [
        "aggregate(visits)", "aggregate(revenue)", "groupby((visit__country),aggregate(visits))", "groupby((visit__echelon),aggregate(visits))", "groupby((visit__customer),aggregate(visits,seconds))", "groupby((show__budget))",
        "filter(visit__customer eq 'globex')/aggregate(visits)", "aggregate(revenue with sum as visits)", "concat(aggregate(visits),aggregate(revenue))", "groupby((visit__country),aggregate(visits with sum as n))", "aggregate($count as n)", "groupby((show__genre),aggregate(margin))",
    ]);

    private T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];

    private IEnumerable<T> Some<T>(IReadOnlyList<T> from, int most = 4) => Enumerable.Range(0, random.Next(most + 1)).Select(_ => Pick(from)).Distinct();

    private static string Escaped(string text) => Uri.EscapeDataString(text.Replace('\ud83d', 'x').Replace('\ude42', 'y'));
}
