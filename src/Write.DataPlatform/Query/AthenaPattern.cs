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
        var text = new StringBuilder();
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    text.Append(Escape(pattern, ref i, inClass: false));
                    break;
                case '[':
                    text.Append(Class(pattern, ref i));
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
                    text.Append(pattern[i]);
                    break;
            }
        }

        return text.ToString();
    }

    private static string Class(string pattern, ref int i)
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
                    text.Append(Escape(pattern, ref i, inClass: true));
                    break;
                default:
                    text.Append(pattern[i]);
                    break;
            }
        }

        throw Refused(pattern, "a bracket that is not closed");
    }

    private static string Escape(string pattern, ref int i, bool inClass)
    {
        if (++i == pattern.Length)
        {
            throw Refused(pattern, "a backslash at its end");
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
