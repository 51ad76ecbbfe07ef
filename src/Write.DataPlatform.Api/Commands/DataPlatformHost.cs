using Microsoft.Extensions.Options;
using Serilog;
using Serilog.Events;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Dashboard;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Api.Lambda;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.Mcp;
using Write.DataPlatform.Api.Monitoring;
using Write.DataPlatform.Api.OData;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Api.Swagger;
using Write.DataPlatform.Api.Tokens;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Which work a process does.</summary>
internal enum Role
{
    /// <summary>Everything.</summary>
    All,

    /// <summary>Answers; refreshes nothing by itself.</summary>
    Api,

    /// <summary>Refreshes; answers nothing but health.</summary>
    Worker,
}

/// <summary>How a process is put together.</summary>
/// <param name="Configuration">Settings that go before those of files and environment.</param>
/// <param name="Role">Which work it does; null for a command, which does its own.</param>
/// <param name="Services">Puts services in the place of others, for tests.</param>
internal sealed record HostSettings(IReadOnlyDictionary<string, string?> Configuration, Role? Role = null, Action<IServiceCollection>? Services = null)
{
    /// <summary>Whether sample events are sent; null to do so where the model is the sample's.</summary>
    public bool? IsLive { get; init; } = false;
}

/// <summary>The one composition of server and commands.</summary>
internal static class DataPlatformHost
{
    public const string DefaultUrl = "http://localhost:5080";

    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(20);

    public static WebApplication Build(HostSettings settings)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(DataPlatformHost).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.Sources.Insert(0, new Microsoft.Extensions.Configuration.Memory.MemoryConfigurationSource
        {
            InitialData = [KeyValuePair.Create<string, string?>("DataPlatform:Models", SampleLake.ModelsDirectory)],
        });
        builder.Configuration.AddInMemoryCollection(settings.Configuration);
        AddLogs(builder, isQuiet: settings.Role is null);
        settings.Services?.Invoke(builder.Services);
        builder.Services.AddDataPlatform(builder.Configuration);
        builder.Services.AddOptions<HostOptions>().Configure<IServiceProvider>((host, services) => host.ShutdownTimeout = ShutdownTimeout + DrainDelay(services));
        builder.Services.AddRest(builder.Configuration).AddHealth().AddSwagger().AddDashboard().AddOData(builder.Configuration).AddTokens(builder.Configuration).AddLimits(builder.Configuration).AddMcp().AddAlerts(builder.Configuration);
        if (settings.Role is not null)
        {
            builder.AddMonitoring();
        }

        var lambda = settings.Role is null ? null : RuntimeApi.AddressOf(builder.Configuration);
        if (lambda is not null)
        {
            // Nothing runs between two invocations.
            builder.AddLambda(lambda, works: settings.Role != Role.Api);
        }
        else if (settings.Role is not null)
        {
            builder.Services.AddHostedService<Draining>();
        }

        if (lambda is null && settings.Role is (Role.All or Role.Worker))
        {
            builder.Services.AddSingleton<RefreshScheduler>();
            builder.Services.AddHostedService(services => services.GetRequiredService<RefreshScheduler>());
            builder.Services.AddHostedService(services => services.GetRequiredService<StreamWorkers>());
            builder.Services.AddHostedService(services => services.GetRequiredService<TailKeeper>());
            builder.Services.AddSingleton<AlertScheduler>();
            builder.Services.AddHostedService(services => services.GetRequiredService<AlertScheduler>());
        }

        var isSample = Path.GetFullPath(builder.Configuration["DataPlatform:Models"]!) == Path.GetFullPath(SampleLake.ModelsDirectory);
        if (lambda is null && settings is { Role: Role.All, IsLive: not false } && (settings.IsLive is true || isSample) && !"None".Equals(builder.Configuration["DataPlatform:Stream:Kind"], StringComparison.OrdinalIgnoreCase))
        {
            builder.Services.AddHostedService<LiveSample>();
        }

        if (new[] { "urls", "http_ports", "https_ports" }.All(key => string.IsNullOrEmpty(builder.Configuration[key])) && !builder.Configuration.GetSection("Kestrel:Endpoints").Exists())
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        var app = builder.Build();
        app.UseSerilogRequestLogging(options => RequestLog.Configure(options, app.Services.GetRequiredService<Serilog.ILogger>()));
        app.UseRest();
        app.MapHealth();
        if (settings.Role is not null)
        {
            app.MapMonitoring();
        }

        if (settings.Role is Role.All or Role.Api)
        {
            app.UseSwaggerPages();
            app.MapDashboard();
            app.MapRest();
            app.MapOData();
            app.MapMcp();
        }

        return app;
    }

    /// <summary>How long a stop is announced before it is carried out; none where the settings are wrong, which the start tells.</summary>
    private static TimeSpan DrainDelay(IServiceProvider services)
    {
        try
        {
            return services.GetRequiredService<IOptions<WebOptions>>().Value.DrainDelay;
        }
        catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException)
        {
            return TimeSpan.Zero;
        }
    }

    private static void AddLogs(WebApplicationBuilder builder, bool isQuiet)
    {
        builder.Logging.ClearProviders();
        builder.Services.AddSerilog(
            (_, log) =>
            {
                if (isQuiet)
                {
                    // A command says itself what went wrong.
                    log.MinimumLevel.Fatal();
                }
                else
                {
                    log.ReadFrom.Configuration(builder.Configuration).Enrich.With<LoggedPathEnricher>().Enrich.With<EventNumberEnricher>();
                }
            },
            preserveStaticLogger: true,
            // What is sent to a collector goes through its provider; there is no other.
            writeToProviders: true);
    }
}

/// <summary>One line a request: method, path without its query, status and time, the tenant, the query's name and the trace id. Nothing a caller wrote is in it but the path.</summary>
internal static class RequestLog
{
    /// <param name="options">What is set.</param>
    /// <param name="logger">This server's own; the static one, which would be taken, is silent.</param>
    public static void Configure(Serilog.AspNetCore.RequestLoggingOptions options, Serilog.ILogger logger)
    {
        options.Logger = logger;
        options.MessageTemplate = "{RequestMethod} {Path} {StatusCode} {Elapsed:0.0} ms {Tenant} {Query} {RequestTrace}";
        options.IncludeQueryInRequestPath = false;
        options.EnrichDiagnosticContext = (log, context) =>
        {
            log.Set("Path", LoggedPath.Of(context.Request));
            log.Set("Tenant", CallerView.TenantOf(context) ?? "-");
            log.Set("Query", QueryName.Of(context) ?? "-");
            log.Set("RequestTrace", Problem.TraceId(context));
        };
        options.GetMessageTemplateProperties = (context, _, elapsed, status) =>
        [
            new LogEventProperty("RequestMethod", new ScalarValue(context.Request.Method)),
            new LogEventProperty("StatusCode", new ScalarValue(status)),
            new LogEventProperty("Elapsed", new ScalarValue(elapsed)),
        ];
        options.GetLevel = (context, _, exception) =>
            exception is not null || context.Response.StatusCode >= 500 && !context.Request.Path.StartsWithSegments("/health") ? LogEventLevel.Error
            : context.Request.Path.StartsWithSegments("/health") || context.Request.Path.StartsWithSegments("/swagger") || context.Request.Path.StartsWithSegments(DashboardAssets.Path) ? LogEventLevel.Debug
            : LogEventLevel.Information;
    }
}
