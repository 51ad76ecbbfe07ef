using System.CommandLine;
using System.CommandLine.Help;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Exit codes.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadUsage = 2;
}

/// <summary>The commands. Results go to the output, everything else to the error stream; a failure is a message and never a stack trace.</summary>
internal static class CommandLine
{
    private static readonly TimeSpan CancelPatience = TimeSpan.FromSeconds(10);

    /// <summary>Runs a command line and gives the exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Terminal terminal, CancellationToken cancellationToken = default)
    {
        // --Section:Key=value sets any configuration value, in front of or behind any command.
        var configuration = args.Where(IsSetting).Select(a => a[2..].Split('=', 2)).ToDictionary(p => p[0], p => (string?)p[1], StringComparer.OrdinalIgnoreCase);
        var context = new CommandContext(terminal, configuration);
        var parse = Make(context).Parse([.. args.Where(a => !IsSetting(a))]);
        var invocation = new InvocationConfiguration
        {
            Output = terminal.Output,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false,

            // The server has its own way to end.
            ProcessTerminationTimeout = parse.CommandResult.Command is ServeCommand or RootCommand ? null : CancelPatience,
        };
        if (parse.Action is System.CommandLine.Invocation.ParseErrorAction)
        {
            foreach (var error in parse.Errors)
            {
                terminal.Fail(error.Message);
            }

            terminal.Say($"'{string.Join(' ', Path(parse.CommandResult.Command).Append("--help"))}' shows how.");
            return ExitCode.BadUsage;
        }

        try
        {
            return await parse.InvokeAsync(invocation, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            terminal.Say("Cancelled.");
            return ExitCode.Failed;
        }
        catch (QueryException exception)
        {
            Tables.Problems(terminal, exception);
            return ExitCode.Failed;
        }
        catch (Exception exception) when (exception is StartupException or RefreshException or LakeException or GoldStoreException or StreamException or IOException or UnauthorizedAccessException or UsageException)
        {
            terminal.Fail(exception.Message);
            return exception is UsageException ? ExitCode.BadUsage : ExitCode.Failed;
        }
        catch (Exception exception)
        {
            // A bug: named, but not printed line by line. WDP_DEBUG=1 shows where.
            terminal.Fail($"The program made a mistake ({exception.GetType().Name}: {exception.Message}).");
            if (Environment.GetEnvironmentVariable("WDP_DEBUG") is "1")
            {
                terminal.Say(exception.ToString());
            }

            return ExitCode.Failed;
        }
    }

    private static RootCommand Make(CommandContext context)
    {
        var root = new RootCommand("Metrics that are defined once and served everywhere with the same value. Without a command the server starts.")
        {
            context.Data, context.Models, context.Json,
        };
        var serve = new ServeCommand(context);
        foreach (var option in serve.Options)
        {
            root.Options.Add(option);
        }

        root.SetAction(serve.RunAsync);
        root.Subcommands.Add(serve);
        root.Subcommands.Add(new ValidateCommand(context));
        root.Subcommands.Add(new DiffCommand(context));
        root.Subcommands.Add(new QueryCommand(context));
        root.Subcommands.Add(new ExplainCommand(context));
        root.Subcommands.Add(new RefreshCommand(context));
        root.Subcommands.Add(new VerifyCommand(context));
        root.Subcommands.Add(new SampleCommand(context));
        root.Subcommands.Add(new KeysCommand(context));
        root.Subcommands.Add(new StreamsCommand(context));
        root.Subcommands.Add(new AlertsCommand(context));
        root.Subcommands.Add(new ReportsCommand(context));
        root.Subcommands.Add(new ImportCommand(context));
        ExampleHelp.Add(root);
        return root;
    }

    private static bool IsSetting(string arg) => arg.StartsWith("--", StringComparison.Ordinal) && arg.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon && arg.IndexOf('=', StringComparison.Ordinal) > colon;

    private static IEnumerable<string> Path(Command command) => command is RootCommand ? [RootCommand.ExecutableName] : [RootCommand.ExecutableName, command.Name];
}

/// <summary>The command line asks for something that cannot be.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What all commands share.</summary>
internal sealed class CommandContext(Terminal terminal, IReadOnlyDictionary<string, string?> configuration)
{
    public Terminal Terminal { get; } = terminal;

    public Option<string?> Data { get; } = new("--data") { Description = "The folder of lake and gold", HelpName = "DIR", Recursive = true };

    public Option<string?> Models { get; } = new("--models") { Description = "The folder of the model's YAML files", HelpName = "DIR", Recursive = true };

    /// <summary>Of the commands that write gold.</summary>
    public Option<bool> Create { get; } = new("--create") { Description = "Makes the gold store's DynamoDB table if it is not there" };

    public Option<bool> Json { get; } = new("--json") { Description = "Results for programs", Recursive = true };

    /// <summary>The settings of the command line.</summary>
    public Dictionary<string, string?> Configuration(ParseResult parse)
    {
        var settings = new Dictionary<string, string?>(configuration, StringComparer.OrdinalIgnoreCase);
        if (parse.GetValue(Data) is { } data)
        {
            settings["DataPlatform:Data"] = System.IO.Path.GetFullPath(data);
        }

        if (parse.GetValue(Models) is { } models)
        {
            settings["DataPlatform:Models"] = System.IO.Path.GetFullPath(models);
        }

        if (parse.GetValue(Create))
        {
            settings["DataPlatform:Gold:DynamoDb:Create"] = "true";
        }

        return settings;
    }

    /// <summary>The composition for a command that does its own work.</summary>
    public WebApplication Build(ParseResult parse) => DataPlatformHost.Build(new HostSettings(Configuration(parse)));
}

/// <summary>A command with examples, in which a percent sign stands for the program's name.</summary>
internal abstract class ExampleCommand(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>Adds a command's examples to its help.</summary>
internal sealed class ExampleHelp(HelpAction inner) : System.CommandLine.Invocation.SynchronousCommandLineAction
{
    public static void Add(RootCommand root)
    {
        foreach (var option in root.Options.OfType<HelpOption>())
        {
            option.Action = new ExampleHelp((HelpAction)option.Action!);
        }
    }

    public override int Invoke(ParseResult parseResult)
    {
        var result = inner.Invoke(parseResult);
        var examples = parseResult.CommandResult.Command is ExampleCommand { Examples: var own } ? own : ["% --data .data", "% serve --role api --urls http://localhost:8080"];
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in examples)
        {
            output.WriteLine("  " + example.Replace("%", RootCommand.ExecutableName, StringComparison.Ordinal));
        }

        return result;
    }
}
