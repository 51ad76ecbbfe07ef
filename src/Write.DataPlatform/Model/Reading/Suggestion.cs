using F23.StringSimilarity;

namespace Write.DataPlatform.Model.Reading;

/// <summary>"Did you mean": the nearest of the words that would have been right.</summary>
internal static class Suggestion
{
    private static readonly Damerau Distance = new();

    /// <summary>A suggestion, or null if nothing is near.</summary>
    public static string? For(string word, IEnumerable<string> candidates) => Nearest(word, candidates) is { } nearest ? $"Did you mean '{nearest}'?" : null;

    /// <summary>The nearest candidate, or null if nothing is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        // Longer words are no slips of the pen, and the distance's cost grows with the square of the length.
        if (word.Length is 0 or > 100)
        {
            return null;
        }

        var best = candidates
            .Where(c => c.Length is > 0 and <= 100 && Math.Abs(c.Length - word.Length) <= Allowed(word))
            .Select(c => (Candidate: c, Distance: Distance.Distance(word.ToLowerInvariant(), c.ToLowerInvariant())))
            .OrderBy(c => c.Distance).ThenBy(c => c.Candidate, StringComparer.Ordinal)
            .FirstOrDefault();
        return best.Candidate is not null && best.Distance <= Allowed(word) ? best.Candidate : null;
    }

    private static double Allowed(string word) => Math.Max(1, word.Length / 3);
}
