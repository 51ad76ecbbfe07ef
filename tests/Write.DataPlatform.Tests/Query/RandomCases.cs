using CsCheck;

namespace Write.DataPlatform.Tests.Query;

/// <summary>
/// The cases of a property test: few enough to wait for, unless <c>WDP_CASES</c> asks for more, and the same ones in every run, so that what was green stays so, unless
/// <c>WDP_RANDOM</c> asks for others. A failure names the seed by which <c>CsCheck_Seed</c> tries its case again and looks for a smaller one.
/// </summary>
internal static class RandomCases
{
    private static readonly long? Asked = long.TryParse(Environment.GetEnvironmentVariable("WDP_CASES"), out var cases) ? cases : null;

    private static readonly bool AreOthers = new[] { "WDP_RANDOM", "CsCheck_Seed" }.Any(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 });

    /// <param name="usually">How many without a wish.</param>
    /// <param name="weight">Of how many asked for one is tried, where a case is many queries.</param>
    public static long Of(long usually, long weight = 1) => Asked is { } asked ? Math.Max(1, asked / weight) : usually;

    /// <summary>Checks so many cases, some at a time.</summary>
    /// <exception cref="InvalidOperationException">One failed, which is inside.</exception>
    public static async Task CheckAsync<T>(this Gen<T> cases, Func<T, Task> check, long count, int threads = 2, Func<T, string>? print = null)
    {
        if (AreOthers)
        {
            await cases.SampleAsync(check, iter: count, threads: threads, print: print);
            return;
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = TestContext.Current.CancellationToken };
        await Parallel.ForAsync(0, count, options, async (number, _) =>
        {
            var random = new PCG((uint)number, 20_260_101);
            var seed = random.ToString();
            var value = cases.Generate(random, null, out var _);
            try
            {
                await check(value);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Case {number} of {count}, CsCheck_Seed={seed}: {(print is null ? value?.ToString() : print(value))}", exception);
            }
        });
    }

    /// <inheritdoc cref="CheckAsync{T}(Gen{T}, Func{T, Task}, long, int, Func{T, string}?)" />
    public static Task CheckAsync<T>(this Gen<T> cases, Action<T> check, long count, Func<T, string>? print = null) => cases.CheckAsync(
        value =>
        {
            check(value);
            return Task.CompletedTask;
        },
        count, threads: 1, print);
}
