namespace Write.DataPlatform.Api.OData;

/// <summary>Cuts texts where a sign stands outside of quotes and parentheses.</summary>
internal static class Splitter
{
    private const int MaxDepth = 64;

    /// <summary>The parts between a sign.</summary>
    /// <exception cref="Rest.ProblemException">400: quotes or parentheses do not fit together.</exception>
    public static List<string> Split(string text, char sign)
    {
        var parts = new List<string>();
        var (depth, start) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\'':
                case '"' when IsQuote(text, i):
                    i = EndOfQuote(text, i);
                    break;
                case '(' or '[':
                    depth++;
                    break;
                case ')' or ']':
                    depth--;
                    break;
                case var c when c == sign && depth == 0:
                    parts.Add(text[start..i]);
                    start = i + 1;
                    break;
            }

            if (depth is < 0 or > MaxDepth)
            {
                throw Refusal.Bad(depth < 0 ? "There is a parenthesis too many." : "Parentheses are nested too deep.");
            }
        }

        if (depth != 0)
        {
            throw Refusal.Bad("A parenthesis is missing.");
        }

        parts.Add(text[start..]);
        return parts;
    }

    /// <summary>A name and what stands in the parentheses behind it; null if it is no such thing.</summary>
    public static (string Name, string Inner)? Call(string text)
    {
        var trimmed = text.Trim();
        var open = trimmed.IndexOf('(', StringComparison.Ordinal);
        return open > 0 && trimmed.EndsWith(')') && Split(trimmed, '\0').Count == 1 && Closing(trimmed, open) == trimmed.Length - 1 ? (trimmed[..open].Trim(), trimmed[(open + 1)..^1]) : null;
    }

    /// <summary>What stands before and behind the last word of a kind outside of quotes and parentheses: <c>x with sum</c>.</summary>
    public static (string Before, string After)? Last(string text, string word)
    {
        var words = Split(text, ' ');
        var at = words.FindLastIndex(w => w.Equals(word, StringComparison.OrdinalIgnoreCase));
        return at < 0 ? null : (string.Join(' ', words.Take(at)).Trim(), string.Join(' ', words.Skip(at + 1)).Trim());
    }

    /// <summary>A text with parameter aliases in place of their names.</summary>
    public static string WithAliases(string text, IReadOnlyDictionary<string, string> aliases, int depth = 0)
    {
        if (!text.Contains('@', StringComparison.Ordinal) || aliases.Count == 0)
        {
            return text;
        }

        var result = new System.Text.StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\'')
            {
                var end = EndOfQuote(text, i);
                result.Append(text, i, end - i + 1);
                i = end;
            }
            else if (text[i] == '@')
            {
                var end = i + 1;
                while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] == '_'))
                {
                    end++;
                }

                if (depth > 4 || !aliases.TryGetValue(text[i..end], out var value))
                {
                    throw Refusal.Bad($"The alias {Query.QueryForm.Short(text[i..end])} has no value.");
                }

                // An expression stays one; a list already has its parentheses.
                var whole = WithAliases(value, aliases, depth + 1).Trim();
                result.Append(whole.Length > 0 && whole[0] is not ('(' or '[') && Split(whole, ' ').Count > 1 ? "(" + whole + ")" : whole);
                i = end - 1;
            }
            else
            {
                result.Append(text[i]);
            }

            if (result.Length > 1_000_000)
            {
                throw Refusal.Bad("The aliases are too long.");
            }
        }

        return result.ToString();
    }

    /// <summary>The words outside of quotes: names, operators, functions, numbers; a qualified name is one.</summary>
    public static IEnumerable<(int Start, int Length)> Words(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\'' || (text[i] == '"' && IsQuote(text, i)))
            {
                i = EndOfQuote(text, i);
            }
            else if (IsOfWord(text[i]))
            {
                var start = i;
                while (i + 1 < text.Length && IsOfWord(text[i + 1]))
                {
                    i++;
                }

                yield return (start, i + 1 - start);
            }
        }
    }

    /// <summary>Where the parenthesis that opens at a place is closed.</summary>
    /// <exception cref="Rest.ProblemException">400: nowhere.</exception>
    public static int Closing(string text, int open)
    {
        var depth = 0;
        for (var i = open; i < text.Length; i++)
        {
            if (text[i] == '\'')
            {
                i = EndOfQuote(text, i);
                continue;
            }

            depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
            if (depth == 0)
            {
                return i;
            }
        }

        throw Refusal.Bad("A parenthesis is missing.");
    }

    private static bool IsOfWord(char sign) => char.IsLetterOrDigit(sign) || sign is '_' or '.' or '$' or '@';

    /// <summary>JSON's quotes stand in lists alone.</summary>
    private static bool IsQuote(string text, int at) => text.LastIndexOf('[', at) >= 0 || (at == 0 && text.EndsWith('"'));

    private static int EndOfQuote(string text, int start)
    {
        var quote = text[start];
        for (var i = start + 1; i < text.Length; i++)
        {
            if (quote == '"' && text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == quote)
            {
                return i;
            }
        }

        throw Refusal.Bad("A quote is missing.");
    }
}
