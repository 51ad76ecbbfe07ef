using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Api.Tests.Lambda;

/// <summary>Requests over HTTP that come in payloads of every sender.</summary>
public sealed class HttpInvocationTests(HttpInvocationTests.World world) : IClassFixture<HttpInvocationTests.World>
{
    private RuntimeEmulator Runtime => world.Lambda.Runtime;

    [Theory]
    [InlineData("http-api-2", "d1abcdef23.execute-api.eu-central-1.amazonaws.com", "", true)]
    [InlineData("function-url", "qkxmplw5yzabc4z7.lambda-url.eu-central-1.on.aws", "", true)]
    [InlineData("rest-api-1", "70ixmpl4fl.execute-api.eu-central-1.amazonaws.com", "/prod", true)]
    [InlineData("balancer", "lambda-alb-123578498.eu-central-1.elb.amazonaws.com", "", false)]
    [InlineData("balancer-multi", "lambda-alb-123578498.eu-central-1.elb.amazonaws.com", "", true)]
    public async Task A_request_is_what_its_caller_sent(string sender, string host, string pathBase, bool isMulti)
    {
        var seen = JsonNode.Parse((string)(await world.Lambda.SendAsync(LambdaWorld.Payload(sender)))["body"]!)!;
        Assert.Equal(
            ("a b", "GET", "https", host, pathBase, "/echo/a b", "205.255.255.176", "one,two", ""),
            (Text("name"), Text("method"), Text("scheme"), Text("host"), Text("pathBase"), Text("path"), Text("address"), Text("many"), Text("body")));
        Assert.Equal(isMulti ? """["value1","value 2"]""" : """["value 2"]""", seen["query"]!["parameter1"]!.ToJsonString());
        Assert.Equal(["x&y"], seen["query"]!["parameter2"]!.AsArray().Select(v => (string)v!));
        Assert.Equal("""{"sid":"abc","theme":"dark"}""", seen["cookies"]!.ToJsonString());
        string Text(string name) => (string)seen[name]!;
    }

    /// <summary>Behind a domain of one's own the path has the mapping, the whole path has no stage, and the resource has neither.</summary>
    [Theory]
    [InlineData("/{proxy+}", "echo/a b", "/shop", "/shop/echo/a%20b")]
    [InlineData("/{proxy+}", "echo/a b", "/shop/v1", "/shop/v1/echo/a%20b")]
    [InlineData("/{proxy+}", "echo/echo", "/echo", "/echo/echo/echo")]
    [InlineData("/{proxy+}", "echo/a b", "", "/echo/a%20b")]
    [InlineData("/echo/{name}", "a b", "/shop", "/shop/echo/a%20b")]
    [InlineData("/echo/a b", null, "/shop", "/shop/echo/a%20b")]
    public async Task The_mapping_of_a_domain_is_no_part_of_the_path(string resource, string? parameter, string mapping, string path)
    {
        var payload = LambdaWorld.Payload("rest-api-1");
        (payload["resource"], payload["path"], payload["requestContext"]!["path"]) = (resource, path, path);
        payload["pathParameters"] = parameter is null ? null : new JsonObject { [resource == "/{proxy+}" ? "proxy" : "name"] = parameter };
        var seen = JsonNode.Parse((string)(await world.Lambda.SendAsync(payload))["body"]!)!;
        Assert.Equal((mapping, Uri.UnescapeDataString(path[mapping.Length..])), ((string)seen["pathBase"]!, (string)seen["path"]!));
    }

    /// <summary>An HTTP API has unescaped the path, in both formats of its payload; a function URL and a REST API have not.</summary>
    [Theory]
    [InlineData("50%25", "50%", "50%")]
    [InlineData("a%2520b", "a%20b", "a%20b")]
    [InlineData("what%3F%23%C3%A9", "what?#é", "what?#é")]
    [InlineData("a('b')", "a('b')", "a('b')")]
    public async Task A_path_is_unescaped_once(string written, string unescaped, string name)
    {
        var byHttpApi = LambdaWorld.Payload("http-api-2");
        byHttpApi["rawPath"] = "/echo/" + unescaped;
        var byHttpApi1 = LambdaWorld.Payload("rest-api-1");
        (byHttpApi1["version"], byHttpApi1["path"], byHttpApi1["requestContext"]!["path"]) = ("1.0", "/echo/" + unescaped, "/prod/echo/" + unescaped);
        byHttpApi1["resource"] = "/{proxy+}";
        byHttpApi1["pathParameters"] = new JsonObject { ["proxy"] = "echo/" + unescaped };
        var byUrl = LambdaWorld.Payload("function-url");
        byUrl["rawPath"] = "/echo/" + written;
        var byRestApi = LambdaWorld.Payload("rest-api-1");
        (byRestApi["path"], byRestApi["requestContext"]!["path"]) = ("/echo/" + written, "/prod/echo/" + written);
        (byRestApi["resource"], byRestApi["pathParameters"]) = ("/{proxy+}", new JsonObject { ["proxy"] = "echo/" + unescaped });
        foreach (var payload in new[] { byHttpApi, byHttpApi1, byUrl, byRestApi })
        {
            var seen = JsonNode.Parse((string)(await world.Lambda.SendAsync(payload))["body"]!)!;
            Assert.Equal((name, "/echo/" + name), ((string)seen["name"]!, (string)seen["path"]!));
        }
    }

    [Theory]
    [InlineData("http-api-2")]
    [InlineData("rest-api-1")]
    [InlineData("balancer")]
    [InlineData("balancer-multi")]
    public async Task An_answer_is_written_as_its_sender_reads_it(string sender)
    {
        var answer = await world.Lambda.SendAsync(LambdaWorld.Payload(sender));
        Assert.Equal(200, (int)answer["statusCode"]!);
        Assert.False((bool)answer["isBase64Encoded"]!);
        string[] cookies = ["a=1; path=/", "b=2; path=/"];
        switch (sender)
        {
            case "http-api-2":
                Assert.Equal(cookies, answer["cookies"]!.AsArray().Select(c => (string)c!));
                Assert.Equal("yes", (string)answer["headers"]!["X-Answer"]!);
                Assert.Null(answer["headers"]!["Set-Cookie"]);
                break;
            case "balancer":
                // Two names that differ in their letters alone.
                Assert.Equal(cookies, answer["headers"]!.AsObject().Where(h => h.Key.Equals("Set-Cookie", StringComparison.OrdinalIgnoreCase)).Select(h => (string)h.Value!));
                Assert.Equal("200 OK", (string)answer["statusDescription"]!);
                Assert.Null(answer["multiValueHeaders"]);
                break;
            default:
                Assert.Equal(cookies, answer["multiValueHeaders"]!["Set-Cookie"]!.AsArray().Select(c => (string)c!));
                Assert.Equal(["yes"], answer["multiValueHeaders"]!["X-Answer"]!.AsArray().Select(c => (string)c!));
                Assert.Null(answer["headers"]);
                break;
        }

        var names = (answer["headers"] ?? answer["multiValueHeaders"])!.AsObject().Select(h => h.Key.ToLowerInvariant()).ToList();
        Assert.DoesNotContain("content-length", names);
        Assert.DoesNotContain("transfer-encoding", names);
    }

    [Theory]
    [InlineData("/bytes", true, "000102FF")]
    [InlineData("/text", false, "4772C3BCC39F652C202257656C742220F09F9880")]
    [InlineData("/not-text", true, "66FFFE")]
    public async Task A_body_comes_through_byte_by_byte(string path, bool isBase64, string hex)
    {
        var answer = await world.Lambda.SendAsync(Get(path));
        Assert.Equal(isBase64, (bool)answer["isBase64Encoded"]!);
        var body = (string)answer["body"]!;
        Assert.Equal(hex, Convert.ToHexString(isBase64 ? Convert.FromBase64String(body) : Encoding.UTF8.GetBytes(body)));
    }

    [Theory]
    [InlineData("AAEC/w==", true, "000102FF")]
    [InlineData("{\"ü\":1}", false, "7B22C3BC223A317D")]
    public async Task A_requests_body_comes_through_too(string body, bool isBase64, string hex)
    {
        var payload = Get("/echo/x", "POST");
        (payload["body"], payload["isBase64Encoded"]) = (body, isBase64);
        Assert.Equal(hex, (string)JsonNode.Parse((string)(await world.Lambda.SendAsync(payload))["body"]!)!["body"]!);
    }

    [Fact]
    public async Task Compressed_answers_are_bytes()
    {
        var payload = Get("/v1/openapi-that-is-not-there");
        payload["headers"]!["accept-encoding"] = "gzip";
        var answer = await world.Lambda.SendAsync(payload);
        Assert.Equal(404, (int)answer["statusCode"]!);
        Assert.Equal("gzip", (string)answer["headers"]!["Content-Encoding"]!);
        using var unpacked = new System.IO.Compression.GZipStream(new MemoryStream(Convert.FromBase64String((string)answer["body"]!)), System.IO.Compression.CompressionMode.Decompress);
        Assert.Contains("\"not_found\"", await new StreamReader(unpacked).ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_asked_by_HEAD_has_headers_alone()
    {
        var answer = await world.Lambda.SendAsync(Get("/text", "HEAD"));
        Assert.Equal((200, ""), ((int)answer["statusCode"]!, (string)answer["body"]!));
    }

    /// <summary>Whoever may invoke the function can write any payload, and is still no caller on this machine.</summary>
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("nonsense")]
    public async Task No_caller_is_local(string address)
    {
        var payload = Get("/v1/keys");
        payload["requestContext"]!["http"]!["sourceIp"] = address;
        var headers = payload["headers"]!.AsObject();
        headers.Where(h => h.Key.StartsWith("x-forwarded", StringComparison.Ordinal)).Select(h => h.Key).ToList().ForEach(h => headers.Remove(h));
        headers["host"] = "localhost";
        var answer = await world.Lambda.SendAsync(payload);
        Assert.Equal((401, "unauthorized"), ((int)answer["statusCode"]!, Code(answer)));
    }

    [Fact]
    public async Task A_key_opens_what_it_opens_elsewhere_and_the_answer_is_right()
    {
        var payload = Get("/v1/query", "POST");
        payload["headers"]!["x-api-key"] = await world.Lambda.KeyAsync();
        payload["headers"]!["content-type"] = "application/json";

        // A job is not begun where nothing goes on without a request.
        payload["headers"]!["prefer"] = "respond-async, wait=0";
        payload["body"] = """{"metrics":["visits","seconds"],"groupBy":["metric_time__month"],"timeRange":{"from":"2026-01-01","to":"2026-04-01"}}""";
        var answer = await world.Lambda.SendAsync(payload);
        Assert.Equal(200, (int)answer["statusCode"]!);
        Assert.Equal(world.Lambda.Files.ExpectedByMonth(), SmallServer.Rows(JsonNode.Parse((string)answer["body"]!)!));
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_refused_as_by_any_server()
    {
        var payload = Get("/v1/query", "POST");
        payload["headers"]!["content-type"] = "application/json";
        payload["headers"]!["x-api-key"] = await world.Lambda.KeyAsync();
        payload["body"] = new string(' ', 1_000_001);
        var answer = await world.Lambda.SendAsync(payload);
        Assert.Equal((413, "body_too_large"), ((int)answer["statusCode"]!, Code(answer)));
    }

    [Theory]
    [InlineData("http-api-2", 4_000_000, 200)]
    [InlineData("http-api-2", 5_000_000, 422)]
    [InlineData("http-api-2", 50_000_000, 422)]
    [InlineData("balancer", 700_000, 200)]
    [InlineData("balancer", 800_000, 422)]
    public async Task An_answer_that_cannot_be_sent_is_refused_in_words(string sender, int bytes, int status)
    {
        var payload = LambdaWorld.Payload(sender);
        payload[sender == "balancer" ? "path" : "rawPath"] = $"/large/{bytes}";
        var answer = await world.Lambda.SendAsync(payload);
        Assert.Equal(status, (int)answer["statusCode"]!);
        Assert.Equal(status == 200 ? null : "answer_too_large", status == 200 ? null : Code(answer));
    }

    [Fact]
    public async Task An_answer_that_breaks_is_a_problem_and_never_half_of_one()
    {
        var answer = await world.Lambda.SendAsync(Get("/halves"));
        Assert.Equal((500, "internal_error"), ((int)answer["statusCode"]!, Code(answer)));
        Assert.DoesNotContain("first", (string)answer["body"]!, StringComparison.Ordinal);
        Assert.DoesNotContain("second", (string)answer["body"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_deadline_ends_a_request_and_its_caller_hears_of_it()
    {
        var now = world.Lambda.Now;
        var answer = await world.Lambda.SendAsync(Get("/slow"), now + TimeSpan.FromSeconds(2));
        Assert.Equal((504, "query_timeout"), ((int)answer["statusCode"]!, Code(answer)));
    }

    [Theory]
    [InlineData("{}", "FormatException")]
    [InlineData("[1]", "FormatException")]
    [InlineData("{\"requestContext\":{\"http\":{\"method\":\"GET\"}},\"rawPath\":\"/\",\"headers\":{\"a\":1}}", "FormatException")]
    [InlineData("{\"requestContext\":{\"http\":{\"method\":\"GET\"}},\"rawPath\":\"/\",\"body\":\"?\",\"isBase64Encoded\":true}", "FormatException")]
    [InlineData("not json", "JsonReaderException")]
    public async Task A_payload_that_is_nothing_is_an_error_and_the_next_one_is_answered(string payload, string type)
    {
        var told = await Runtime.InvokeAsync(payload);
        Assert.True(told.IsError);
        Assert.Equal("WriteDataPlatform." + type, told.Headers["Lambda-Runtime-Function-Error-Type"]);
        Assert.Equal("WriteDataPlatform." + type, (string)JsonNode.Parse(told.Body)!["errorType"]!);
        Assert.Equal(200, (int)(await world.Lambda.SendAsync(Get("/health/live")))["statusCode"]!);
    }

    /// <summary>The API does not refresh, whoever asks it in a payload.</summary>
    [Fact]
    public async Task A_function_of_the_role_api_takes_no_events()
    {
        Assert.True((await Runtime.InvokeAsync(LambdaWorld.Payload("schedule").ToJsonString())).IsError);
        Assert.True((await Runtime.InvokeAsync(LambdaWorld.Payload("kinesis").ToJsonString())).IsError);
    }

    private static JsonNode Get(string path, string method = "GET") => LambdaWorld.Request("http-api-2", path, method);

    private static string? Code(JsonNode answer) => (string?)JsonNode.Parse((string)answer["body"]!)!["code"];

    /// <summary>One function for all of them; none changes what another sees.</summary>
    public sealed class World : IAsyncLifetime
    {
        internal LambdaWorld Lambda { get; } = new();

        public async ValueTask InitializeAsync() => await Lambda.StartAsync(Role.Api);

        public ValueTask DisposeAsync() => Lambda.DisposeAsync();
    }
}
