using System.CommandLine;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Lambda;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Runs the server until it is told to stop.</summary>
internal sealed class ServeCommand : ExampleCommand
{
    private readonly CommandContext _context;
    private readonly Option<string> _role = new("--role") { Description = "api answers, worker refreshes, all does both", HelpName = "all|api|worker", DefaultValueFactory = _ => "all" };
    private readonly Option<bool?> _live = new("--live") { Description = "Sends sample events, a few a second; on for the sample's own model, --live false turns it off", HelpName = "true|false", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _urls = new("--urls") { Description = $"Where to listen; default {DataPlatformHost.DefaultUrl}", HelpName = "URL;URL" };

    public ServeCommand(CommandContext context)
        : base("serve", "Runs the server (also without a command)", "% serve", "% serve --data /var/lib/write --urls http://localhost:8080", "% serve --role worker")
    {
        _context = context;
        _role.AcceptOnlyFromAmong("all", "api", "worker");
        Options.Add(_role);
        Options.Add(_urls);
        Options.Add(_live);
        Options.Add(context.Create);
        SetAction(RunAsync);
    }

    public async Task<int> RunAsync(ParseResult parse, CancellationToken cancellationToken)
    {
        var settings = _context.Configuration(parse);
        if (parse.GetValue(_urls) is { } urls)
        {
            settings["urls"] = urls;
        }

        var role = Enum.Parse<Role>(parse.GetRequiredValue(_role), ignoreCase: true);
        using var interrupted = new InterruptToken(cancellationToken);
        await using var app = DataPlatformHost.Build(new HostSettings(settings, role) { IsLive = parse.GetResult(_live) is null ? null : parse.GetValue(_live) ?? true });
        try
        {
            return await RunAsync(app, role, interrupted, cancellationToken);
        }
        catch (Exception exception) when (app.Services.GetService<RuntimeApi>() is { } lambda)
        {
            await lambda.FailStartAsync(exception, cancellationToken);
            throw;
        }
    }

    private async Task<int> RunAsync(WebApplication app, Role role, InterruptToken interrupted, CancellationToken cancellationToken)
    {
        var terminal = _context.Terminal;
        Startup.Check(app.Services);
        var isLambda = app.Services.GetService<RuntimeApi>() is not null;
        if (!isLambda)
        {
            await MakeSampleAsync(app.Services, interrupted.Token);
        }

        await Startup.PrepareAsync(app.Services, interrupted.Token);
        interrupted.Token.ThrowIfCancellationRequested();

        // From here on the host itself listens for the signals.
        interrupted.Dispose();

        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            terminal.Fail($"The address is in use by another program. Stop it or choose another address with --urls. ({exception.Message})");
            return ExitCode.Failed;
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException or System.Net.Sockets.SocketException)
        {
            terminal.Fail($"The server cannot listen: {exception.Message}");
            return ExitCode.Failed;
        }

        if (!isLambda)
        {
            Announce(app, role);
        }

        await app.WaitForShutdownAsync(cancellationToken);
        return ExitCode.Done;
    }

    /// <summary>The first start with the sample's own model makes the sample's lake.</summary>
    private async Task MakeSampleAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var lake = services.GetRequiredService<IOptions<LakeOptions>>().Value;
        var models = Path.GetFullPath(services.GetRequiredService<IOptions<ModelOptions>>().Value.Path);
        if (lake.Kind != LakeKind.DuckDb || lake.Database.Length > 0 || models != Path.GetFullPath(SampleLake.ModelsDirectory) || SampleLake.Exists(lake.Path))
        {
            return;
        }

        // What comes after now is the stream's to bring.
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow().UtcDateTime;
        await SampleCommand.GenerateAsync(_context.Terminal, new SampleOptions { Directory = lake.Path, EndDate = DateOnly.FromDateTime(now), Until = now }, cancellationToken);
    }

    private void Announce(WebApplication app, Role role)
    {
        var output = _context.Terminal.Output;
        var urls = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var url = (urls.FirstOrDefault() ?? DataPlatformHost.DefaultUrl).Replace("127.0.0.1", "localhost", StringComparison.Ordinal).TrimEnd('/');
        output.WriteLine($"Now serving on {url}");
        output.WriteLine($"  {url}/health");
        if (role != Role.Worker)
        {
            output.WriteLine($"  {url}/ (dashboard)");
            output.WriteLine($"  {url}/swagger");
            if (app.Services.GetRequiredService<ModelStore>().Current.Insights.Keys.FirstOrDefault() is { } first)
            {
                var insights = app.Services.GetRequiredService<ModelStore>().Current.Insights;
                output.WriteLine($"  {url}/v1/insights/{(insights.ContainsKey("kpi-year-on-year") ? "kpi-year-on-year" : first)}");
            }
        }

        output.Flush();
    }
}
