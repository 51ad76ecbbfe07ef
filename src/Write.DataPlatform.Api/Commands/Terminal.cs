using System.Globalization;
using Spectre.Console;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Where commands write: results to one stream, everything else to the other.</summary>
internal sealed class Terminal
{
    // Programs and files take lines as long as they are.
    private const int PlainWidth = 10_000;

    public Terminal(TextReader input, TextWriter output, TextWriter error, bool isOutputPlain, bool isErrorPlain)
    {
        (Input, Output, Error) = (input, output, error);
        Result = Make(output, isOutputPlain);
        Talk = Make(error, isErrorPlain);
        IsTalkPlain = isErrorPlain;
    }

    public TextReader Input { get; }

    /// <summary>For results as they are.</summary>
    public TextWriter Output { get; }

    public TextWriter Error { get; }

    /// <summary>For results as tables.</summary>
    public IAnsiConsole Result { get; }

    /// <summary>For progress, warnings and errors.</summary>
    public IAnsiConsole Talk { get; }

    /// <summary>Whether progress goes to a file or a program and not to a person.</summary>
    public bool IsTalkPlain { get; }

    public static Terminal OfProcess() => new(Console.In, Console.Out, Console.Error, Console.IsOutputRedirected, Console.IsErrorRedirected);

    /// <summary>An error, as one or more lines.</summary>
    public void Fail(string message) => Talk.MarkupLine($"[red]error:[/] {Markup.Escape(message)}");

    public void Say(string message) => Talk.WriteLine(message);

    /// <summary>Runs work with a progress bar, or with a line every so often where nobody watches.</summary>
    public async Task<T> ProgressAsync<T>(string title, Func<IProgress<(int Done, int Total, string What)>, Task<T>> work)
    {
        if (IsTalkPlain)
        {
            return await work(new PlainProgress(this, title));
        }

        return await Talk.Progress().AutoClear(true).HideCompleted(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: 1);
                return await work(new BarProgress(task, title));
            });
    }

    private static IAnsiConsole Make(TextWriter writer, bool isPlain)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isPlain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = isPlain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = isPlain ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (isPlain)
        {
            console.Profile.Width = PlainWidth;
        }

        return console;
    }

    private sealed class BarProgress(ProgressTask task, string title) : IProgress<(int Done, int Total, string What)>
    {
        public void Report((int Done, int Total, string What) value)
        {
            task.MaxValue = Math.Max(1, value.Total);
            task.Value = value.Done;
            task.Description = Markup.Escape($"{title} {value.What}");
        }
    }

    private sealed class PlainProgress(Terminal terminal, string title) : IProgress<(int Done, int Total, string What)>
    {
        private readonly Lock _gate = new();
        private int _tenths;

        public void Report((int Done, int Total, string What) value)
        {
            lock (_gate)
            {
                var tenths = value.Total == 0 ? 10 : 10 * value.Done / value.Total;
                if (tenths > _tenths)
                {
                    _tenths = tenths;
                    terminal.Say(string.Create(CultureInfo.InvariantCulture, $"{title} {10 * tenths} % ({value.Done}/{value.Total})"));
                }
            }
        }
    }
}
