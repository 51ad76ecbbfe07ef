using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.AthenaStandIn.Protocol;

namespace Write.DataPlatform.AthenaStandIn;

/// <summary>An Athena endpoint on 127.0.0.1 for tests: Athena's protocol over an embedded engine that takes Trino's SQL. Dispose it to stop it.</summary>
public sealed class AthenaServer : IAsyncDisposable
{
    private const string Prefix = "AmazonAthena.";

    private readonly WebApplication _application;
    private readonly OutputStore _store;
    private readonly Engine _engine;
    private readonly Executions _executions;
    private readonly Operations _operations;
    private readonly List<string> _calls = [];

    private AthenaServer(AthenaStandInOptions options, TimeProvider time)
    {
        var groups = options.WorkGroups.Append(new AthenaWorkGroup("primary")).DistinctBy(g => g.Name).ToDictionary(g => g.Name);
        var catalog = new Catalog(Path.GetFullPath(options.LakePath), options.Databases);
        Time = time;
        _store = new OutputStore(options.S3, options.OutputPath);
        _engine = new Engine(catalog, _store, options.UnloadFiles);
        _executions = new Executions(_engine, catalog, groups, Faults, options.MaxActiveQueries, time);
        _operations = new Operations(_executions, catalog, _engine, groups, time);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, options.Port));
        _application = builder.Build();
        _application.Run(AnswerAsync);
    }

    /// <summary>The endpoint's URL.</summary>
    public Uri Url => new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    /// <summary>What goes wrong next.</summary>
    public AthenaFaults Faults { get; } = new();

    /// <summary>The operations that were called so far, in order, refused ones too.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_calls)
            {
                return [.. _calls];
            }
        }
    }

    /// <summary>The texts of the queries that were started so far.</summary>
    public IReadOnlyList<string> Queries => [.. _executions.All.OrderBy(e => e.Submitted).Select(e => e.Query)];

    private TimeProvider Time { get; }

    /// <summary>Starts an endpoint.</summary>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<AthenaServer> StartAsync(AthenaStandInOptions options, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        var server = new AthenaServer(options, time ?? TimeProvider.System);
        await server._application.StartAsync(cancellationToken);
        return server;
    }

    /// <summary>Waits until the process is told to stop.</summary>
    public Task WaitAsync(CancellationToken cancellationToken = default) => _application.WaitForShutdownAsync(cancellationToken);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        await _executions.DisposeAsync();
        _engine.Dispose();
        _store.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var target = context.Request.Headers["X-Amz-Target"].ToString();
        var operation = target.StartsWith(Prefix, StringComparison.Ordinal) ? target[Prefix.Length..] : "";
        lock (_calls)
        {
            _calls.Add(operation);
        }

        context.Response.Headers["x-amzn-RequestId"] = Guid.NewGuid().ToString();
        var fault = Faults.TakeCall(operation);
        if (fault is not null)
        {
            await Task.Delay(fault.By, Time, context.RequestAborted);
        }

        if (fault is { IsReset: true, AfterWork: false })
        {
            context.Abort();
            return;
        }

        try
        {
            if (fault is { Status: > 0 })
            {
                throw new AthenaException(fault.Type, fault.Message, fault.Type == "TooManyRequestsException" ? "CONCURRENT_QUERY_LIMIT_EXCEEDED" : null, fault.Status);
            }

            var answer = _operations.Run(operation, await ReadAsync(context));
            if (fault is { IsReset: true })
            {
                context.Abort();
                return;
            }

            await WriteAsync(context, 200, answer);
        }
        catch (AthenaException exception)
        {
            var error = new JsonObject { ["__type"] = exception.Type, ["Message"] = exception.Message };
            if (exception.Code is not null)
            {
                error[exception.Type == "TooManyRequestsException" ? "Reason" : "AthenaErrorCode"] = exception.Code;
            }

            await WriteAsync(context, exception.Status, error);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            await WriteAsync(context, 500, new JsonObject { ["__type"] = "InternalServerException", ["Message"] = exception.ToString() });
        }
    }

    private static async Task<JsonObject> ReadAsync(HttpContext context)
    {
        if (context.Request.Method != "POST" || context.Request.ContentType?.StartsWith("application/x-amz-json-1.1", StringComparison.Ordinal) is not true)
        {
            throw new AthenaException("UnknownOperationException", "Operations are posted as application/x-amz-json-1.1.", status: 404);
        }

        if (!context.Request.Headers.Authorization.ToString().StartsWith("AWS4-HMAC-SHA256 Credential=", StringComparison.Ordinal))
        {
            throw new AthenaException("MissingAuthenticationTokenException", "Missing Authentication Token", status: 403);
        }

        try
        {
            return await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted) as JsonObject ?? throw new JsonException("no object");
        }
        catch (JsonException)
        {
            throw new AthenaException("SerializationException", "The request is no JSON object.");
        }
    }

    private static async Task WriteAsync(HttpContext context, int status, JsonObject body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/x-amz-json-1.1";
        await context.Response.WriteAsync(body.ToJsonString(), context.RequestAborted);
    }
}
