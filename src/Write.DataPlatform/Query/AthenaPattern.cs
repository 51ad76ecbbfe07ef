using System.Text;

namespace Write.DataPlatform.Query;

/// <summary>
/// A regular expression that means in Athena what it means in DuckDB. The engines (Joni and RE2) agree on little more than the core, so the rest is spelt out —
/// classes are ASCII's, a dot is anything but a line's end, and <c>^</c> and <c>$</c> are the text's own ends — or refused.
/// </summary>
internal static class AthenaPattern
{
    private const string Punctuation = @"\.+*?()|[]{}^$-/ ""'#&~@%,:;<>=!_";

    /// <exception cref="QueryException">It has what the two engines read otherwise.</exception>
    public static string Of(string pattern)
    {
        const string AnyCase = "(?i)";
        var text = new StringBuilder();
        var folds = pattern.StartsWith(AnyCase, StringComparison.Ordinal);
        for (var i = folds ? AnyCase.Length : 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    text.Append(Escape(pattern, ref i, inClass: false, folds));
                    break;
                case '[':
                    text.Append(Class(pattern, ref i, folds));
                    break;
                case '.':
                    text.Append(@"[^\n]");
                    break;
                case '^':
                    text.Append(@"\A");
                    break;
                case '$':
                    text.Append(@"\z");
                    break;
                case '(' when i + 1 < pattern.Length && pattern[i + 1] == '?':
                    i = i + 2 < pattern.Length && pattern[i + 2] == ':' ? i + 2 : throw Refused(pattern, "a group with (?");
                    text.Append("(?:");
                    break;
                case '+' when i > 0 && pattern[i - 1] is '+' or '*' or '?' or '}':
                    throw Refused(pattern, "a possessive quantifier");
                default:
                    text.Append(folds && Cases(pattern, pattern[i]) is { Length: > 1 } cases ? $"[{cases}]" : pattern[i].ToString());
                    break;
            }
        }

        return text.ToString();
    }

    private static string Class(string pattern, ref int i, bool folds)
    {
        var text = new StringBuilder("[");
        var start = ++i;
        if (i < pattern.Length && pattern[i] == '^')
        {
            text.Append('^');
            start = ++i;
        }

        for (; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case ']' when i > start:
                    return text.Append(']').ToString();
                case '[' or ']' or '&':
                    throw Refused(pattern, $"{pattern[i]} inside brackets");
                case '\\':
                    text.Append(Escape(pattern, ref i, inClass: true, folds));
                    break;
                case '-' when folds && i > start && char.IsLetter(pattern[i - 1]):
                    throw Refused(pattern, "a range of letters of any case");
                default:
                    text.Append(folds ? Cases(pattern, pattern[i]) : pattern[i]);
                    break;
            }
        }

        throw Refused(pattern, "a bracket that is not closed");
    }

    /// <summary>A character in every case, as RE2 folds it: two of ASCII's letters have a third one elsewhere. What folds beyond ASCII, the engines fold otherwise.</summary>
    private static string Cases(string pattern, char c) =>
        char.IsAsciiLetter(c) ? $"{char.ToLowerInvariant(c)}{char.ToUpperInvariant(c)}" + char.ToLowerInvariant(c) switch { 'k' => "\u212A", 's' => "\u017F", _ => "" }
        : char.IsAscii(c) || (char.ToUpperInvariant(c) == c && char.ToLowerInvariant(c) == c && !char.IsSurrogate(c)) ? c.ToString()
        : throw Refused(pattern, $"{c} of any case");

    private static string Escape(string pattern, ref int i, bool inClass, bool folds)
    {
        if (++i == pattern.Length)
        {
            throw Refused(pattern, "a backslash at its end");
        }

        if (folds && (pattern[i] is 'w' or 'W'))
        {
            throw Refused(pattern, "\\w of any case");
        }

        var members = pattern[i] switch { 'd' => "0-9", 'w' => "0-9A-Za-z_", 's' => @"\t\n\f\r ", _ => null };
        return members is not null ? inClass ? members : $"[{members}]"
            : pattern[i] switch { 'D' => "0-9", 'W' => "0-9A-Za-z_", 'S' => @"\t\n\f\r ", _ => null } is { } others && !inClass ? $"[^{others}]"
            : pattern[i] is 't' or 'n' or 'r' or 'f' || Punctuation.Contains(pattern[i]) ? "\\" + pattern[i]
            : throw Refused(pattern, "\\" + pattern[i]);
    }

    private static QueryException Refused(string pattern, string what) => new(
        [new QueryProblem(QueryProblems.PatternNotSupported, $"The pattern '{pattern}' has {what}, which Athena does not read as other lakes do.", null, "Spell it with characters, brackets, groups, | and quantifiers, or use contains, startsWith or in.")],
        isUnanswerable: true);
}
