using System.Collections.Concurrent;
using System.Globalization;
using Spectre.Console;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Chaos;

/// <summary>What was done and what did not hold.</summary>
internal sealed class Findings(Terminal terminal, TimeProvider time)
{
    private const int Shown = 20;

    private readonly ConcurrentQueue<(string Kind, string What)> _broken = [];
    private readonly ConcurrentDictionary<string, long> _done = new(StringComparer.Ordinal);
    private readonly long _started = time.GetTimestamp();

    /// <summary>Each kind of what did not hold, with how often and the first of it.</summary>
    public IReadOnlyList<(string Kind, int Count, string First)> Broken => [.. _broken.GroupBy(b => b.Kind).Select(g => (g.Key, g.Count(), g.First().What))];

    /// <summary>What was done, and how often.</summary>
    public IReadOnlyDictionary<string, long> Done => new SortedDictionary<string, long>(_done, StringComparer.Ordinal);

    /// <summary>Parts of a run that this machine does not allow, and why.</summary>
    public List<string> LeftOut { get; } = [];

    public void Count(string what, long times = 1) => _done.AddOrUpdate(what, times, (_, before) => before + times);

    /// <summary>Says what is being done.</summary>
    public void Say(string what) => terminal.Say(string.Create(CultureInfo.InvariantCulture, $"{time.GetElapsedTime(_started).TotalSeconds,6:0.0} {what}"));

    /// <summary>Something does not hold.</summary>
    /// <param name="kind">lost, double, leak, status, refused, died, not healed.</param>
    /// <param name="what">What it is, with all that helps to find why.</param>
    public void Break(string kind, string what)
    {
        _broken.Enqueue((kind, what));
        if (_broken.Count <= Shown)
        {
            Say($"BROKEN {kind}: {what}");
        }
    }

    /// <summary>The table at the end.</summary>
    public void Show(int seed, double minutes)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("what was done").AddColumn(new TableColumn("times").RightAligned());
        foreach (var (what, times) in Done)
        {
            table.AddRow(new Text(what), new Text(times.ToString("N0", CultureInfo.InvariantCulture)));
        }

        terminal.Result.Write(table);
        foreach (var left in LeftOut)
        {
            terminal.Output.WriteLine($"left out: {left}");
        }

        foreach (var (kind, count, first) in Broken)
        {
            terminal.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"BROKEN {kind} ({count} times), the first: {first}"));
        }

        terminal.Output.WriteLine(Broken.Count == 0 ? "All held." : string.Create(CultureInfo.InvariantCulture, $"Not all held. The same disturbances again: run --seed {seed} --minutes {minutes}"));
    }
}
