using System.Globalization;

namespace Write.DataPlatform.Benchmarks;

/// <summary>What a target is a bound of.</summary>
internal enum Bound
{
    RatioAtMost,
    RatioAtLeast,
    AtMost,
    AtLeast,
}

/// <summary>One measured thing beside its ceiling or peer, if it has one.</summary>
internal sealed record Figure(string Part, string What, string Unit, double Ours, double? Ceiling, Bound Bound, double Target)
{
    /// <summary>Ours over the ceiling.</summary>
    public double? Ratio => Ours / Ceiling;

    public bool IsOk => Bound switch
    {
        Bound.RatioAtMost => Ratio <= Target,
        Bound.RatioAtLeast => Ratio >= Target,
        Bound.AtMost => Ours <= Target,
        _ => Ours >= Target,
    };

    public string TargetText => (Bound is Bound.RatioAtMost or Bound.AtMost ? "≤ " : "≥ ")
        + Target.ToString(Target >= 1000 ? "N0" : "0.##", CultureInfo.InvariantCulture)
        + (Bound is Bound.RatioAtMost or Bound.RatioAtLeast ? " ×" : " " + Unit);
}

/// <summary>Takes figures of the same run: in turns, after a round that does not count, the median of the rest.</summary>
internal static class Measure
{
    /// <summary>Runs works in turns and gives the median of what each measured.</summary>
    public static async Task<double[]> InTurnsAsync(int rounds, CancellationToken cancellationToken, params Func<Task<double>>[] works)
    {
        var measured = works.Select(_ => new List<double>()).ToArray();
        // A single round only shows that the work can be done.
        for (var round = rounds == 1 ? 0 : -1; round < rounds; round++)
        {
            for (var i = 0; i < works.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // Who is first changes, so that nobody always finds the caches warm.
                var at = (i + Math.Max(0, round)) % works.Length;
                var value = await works[at]();
                if (round >= 0)
                {
                    measured[at].Add(value);
                }
            }
        }

        return [.. measured.Select(Median)];
    }

    /// <summary>Milliseconds of a piece of work, the mean of several in a row.</summary>
    public static async Task<double> MillisecondsAsync(Func<Task> work, int times = 1)
    {
        var start = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < times; i++)
        {
            await work();
        }

        return TimeProvider.System.GetElapsedTime(start).TotalMilliseconds / times;
    }

    /// <summary>Milliseconds of processor time, all threads', of something done many times: what it costs, however busy the machine is.</summary>
    public static Task<double> ProcessorMillisecondsAsync(Action work, int times)
    {
        var start = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < times; i++)
        {
            work();
        }

        return Task.FromResult((Environment.CpuUsage.TotalTime - start).TotalMilliseconds / times);
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values.Count % 2 == 1 ? values[values.Count / 2] : (values[values.Count / 2 - 1] + values[values.Count / 2]) / 2;
    }
}
