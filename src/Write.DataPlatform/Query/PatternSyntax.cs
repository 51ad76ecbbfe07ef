using System.Text.RegularExpressions;

namespace Write.DataPlatform.Query;

/// <summary>The regular expressions that RE2, Trino's engines and .NET read alike: what one of them refuses, or takes for something else, is refused before an engine stumbles over it.</summary>
internal static partial class PatternSyntax
{
    private const int MaxRepeats = 1000;
    private const string Letters = "dDsSwWtnrfva";
    private const string Places = "bBAz";

    /// <summary>What is wrong; null if it is good.</summary>
    public static string? WrongIn(string pattern)
    {
        var isClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\' when Escape().Match(pattern, i) is var escape:
                    if (!escape.Success || (escape.Groups["letter"] is { Success: true, Value: var letter } && !Letters.Contains(letter, StringComparison.Ordinal) && (isClass || !Places.Contains(letter, StringComparison.Ordinal))))
                    {
                        return $"'{pattern.AsSpan(i, Math.Min(2, pattern.Length - i))}' is not known to all. Known are \\d \\s \\w \\b \\A \\z \\t \\n \\r \\f \\v \\a, their negations, \\xFF and \\p{{L}}.";
                    }

                    i += escape.Length - 1;
                    break;
                case '[' when isClass && Named().Match(pattern, i) is { Success: true } named:
                    i += named.Length - 1;
                    break;
                case '[' when isClass:
                    return "a bracket in a set is written '\\['.";
                case '[':
                    isClass = true;
                    // A bracket that closes is the set's own if it is its first.
                    i += pattern.AsSpan(i + 1).StartsWith("^]") ? 2 : pattern.AsSpan(i + 1).StartsWith("^") || pattern.AsSpan(i + 1).StartsWith("]") ? 1 : 0;
                    break;
                case ']' when isClass:
                    isClass = false;
                    break;
                case '&' when isClass && pattern.AsSpan(i).StartsWith("&&"):
                    return "'&&' in a set is written '&\\&'.";
                case '(' when !isClass && pattern.AsSpan(i).StartsWith("(?") && !Group().IsMatch(pattern[i..]):
                    return "of the groups that start with '(?' there are '(?:', '(?P<name>' and '(?i)', also with m and s.";
                case '{' when !isClass && Repeat().Match(pattern, i) is { Success: true } repeat && repeat.Groups["n"].Captures.Any(n => n.Length > 4 || int.Parse(n.ValueSpan, System.Globalization.CultureInfo.InvariantCulture) > MaxRepeats):
                    return $"nothing is repeated more than {MaxRepeats} times.";
                default:
                    break;
            }
        }

        try
        {
            _ = new Regex(pattern.Replace("(?P<", "(?<", StringComparison.Ordinal), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return null;
        }
        catch (RegexParseException exception)
        {
            return $"{exception.Error} at {exception.Offset}.";
        }
        catch (NotSupportedException)
        {
            return "it is too large, or looks back.";
        }
    }

    [GeneratedRegex(@"\G\\(?:[^A-Za-z0-9]|(?<letter>[A-Za-wyz])|x[0-9A-Fa-f]{2}|[pP]\{[A-Z][a-z]?\})(?<!\\[pP])", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();

    [GeneratedRegex(@"\G\[:\^?[a-z]+:\]", RegexOptions.CultureInvariant)]
    private static partial Regex Named();

    [GeneratedRegex(@"^\(\?(?::|P<[A-Za-z_][A-Za-z0-9_]*>|[ims]+(?:-[ims]+)?[:)]|-[ims]+[:)])", RegexOptions.CultureInvariant)]
    private static partial Regex Group();

    [GeneratedRegex(@"\G\{(?<n>[0-9]+)(?:,(?<n>[0-9]+)?)?\}", RegexOptions.CultureInvariant)]
    private static partial Regex Repeat();
}
