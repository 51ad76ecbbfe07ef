namespace Write.DataPlatform.Model.Filters;

/// <summary>What a piece of a filter's text is.</summary>
internal enum FilterTokenKind
{
    /// <summary>A template <c>{{ … }}</c>; the token's text is what stands inside.</summary>
    Template,

    /// <summary>A bare word: a keyword, a function, a column.</summary>
    Word,

    /// <summary>A text in single quotes, unescaped.</summary>
    Text,

    /// <summary>A number without its sign.</summary>
    Number,

    /// <summary>An operator or a bracket.</summary>
    Symbol,

    /// <summary>A name in double quotes, as written.</summary>
    QuotedName,

    /// <summary>The end.</summary>
    End,
}

/// <summary>A piece of a filter's text.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Its text without quotes or braces.</param>
/// <param name="Start">Where it starts.</param>
/// <param name="End">Where it ends, excluded.</param>
internal readonly record struct FilterToken(FilterTokenKind Kind, string Value, int Start, int End)
{
    private static readonly string[] LongSymbols = ["<=>", "!=", "<>", "<=", ">=", "==", "::", "||", "!~", "->"];

    public bool Is(string symbol) => Kind is FilterTokenKind.Symbol && Value == symbol;

    public bool IsWord(string word) => Kind is FilterTokenKind.Word && string.Equals(Value, word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Cuts a text into tokens.</summary>
    /// <exception cref="FilterException">Something is not closed, or has no place in a filter.</exception>
    public static List<FilterToken> Cut(string text)
    {
        var tokens = new List<FilterToken>();
        var i = 0;
        while (true)
        {
            while (i < text.Length && char.IsWhiteSpace(text[i]))
            {
                i++;
            }

            if (i == text.Length)
            {
                tokens.Add(new FilterToken(FilterTokenKind.End, "", i, i));
                return tokens;
            }

            var token = Next(text, i);
            tokens.Add(token);
            i = token.End;
        }
    }

    private static FilterToken Next(string text, int start)
    {
        var rest = text.AsSpan(start);
        var c = text[start];
        if (rest.StartsWith("{{"))
        {
            return Template(text, start);
        }

        if (c is '\'' or '"')
        {
            return Quoted(text, start, c);
        }

        if (char.IsAsciiDigit(c) || (c == '.' && rest.Length > 1 && char.IsAsciiDigit(rest[1])))
        {
            return Number(text, start);
        }

        if (char.IsLetter(c) || c == '_')
        {
            var end = start;
            while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] is '_' or '$'))
            {
                end++;
            }

            var word = text[start..end];
            return IsField(word) && !text.AsSpan(end).TrimStart().StartsWith("(")
                ? new FilterToken(FilterTokenKind.Template, $"Dimension('{word}')", start, end)
                : new FilterToken(FilterTokenKind.Word, word, start, end);
        }

        // The condition becomes part of a larger statement: a comment or a second statement would change what follows it.
        if (rest.StartsWith("--") || rest.StartsWith("/*") || c is ';' || rest.StartsWith("{%") || rest.StartsWith("{#") || c is '{' or '}' || char.IsControl(c))
        {
            throw new FilterException($"'{(rest.Length > 1 && c is '-' or '/' or '{' ? rest[..2] : rest[..1])}' has no place in a filter", start);
        }

        foreach (var symbol in LongSymbols)
        {
            if (rest.StartsWith(symbol))
            {
                return new FilterToken(FilterTokenKind.Symbol, symbol, start, start + symbol.Length);
            }
        }

        return new FilterToken(FilterTokenKind.Symbol, c.ToString(), start, start + 1);
    }

    /// <summary>MetricFlow also takes the name of a column of its answers, <c>metric_time__day</c>, for what the template names.</summary>
    private static bool IsField(string word) =>
        string.Equals(word, FieldName.MetricTime, StringComparison.OrdinalIgnoreCase) || (word.IndexOf("__", StringComparison.Ordinal) is > 0 and var at && at + 2 < word.Length && !word.Contains('$', StringComparison.Ordinal));

    private static FilterToken Template(string text, int start)
    {
        char? quote = null;
        for (var i = start + 2; i < text.Length; i++)
        {
            if (quote is { } open)
            {
                quote = text[i] == open ? null : open;
            }
            else if (text[i] is '\'' or '"')
            {
                quote = text[i];
            }
            else if (text.AsSpan(i).StartsWith("}}"))
            {
                return new FilterToken(FilterTokenKind.Template, text[(start + 2)..i].Trim('-').Trim(), start, i + 2);
            }
        }

        throw new FilterException("'{{' is not closed by '}}'", start);
    }

    private static FilterToken Quoted(string text, int start, char quote)
    {
        for (var i = start + 1; i < text.Length; i++)
        {
            if (text[i] != quote)
            {
                continue;
            }

            if (i + 1 < text.Length && text[i + 1] == quote)
            {
                i++;
                continue;
            }

            return quote == '\''
                ? new FilterToken(FilterTokenKind.Text, text[(start + 1)..i].Replace("''", "'", StringComparison.Ordinal), start, i + 1)
                : new FilterToken(FilterTokenKind.QuotedName, text[start..(i + 1)], start, i + 1);
        }

        throw new FilterException($"A text is not closed by {quote}", start);
    }

    private static FilterToken Number(string text, int start)
    {
        var end = start;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'
            || (text[end] is 'e' or 'E' && end + 1 < text.Length && (char.IsAsciiDigit(text[end + 1]) || (text[end + 1] is '+' or '-' && end + 2 < text.Length && char.IsAsciiDigit(text[end + 2]))))
            || (text[end] is '+' or '-' && text[end - 1] is 'e' or 'E')))
        {
            end++;
        }

        return new FilterToken(FilterTokenKind.Number, text[start..end], start, end);
    }
}

/// <summary>A filter's text that cannot be read.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="offset">Where in the text, from 0.</param>
/// <param name="code">The problem's code.</param>
/// <param name="suggestion">How to mend it.</param>
internal sealed class FilterException(string message, int offset, string code = ModelCode.BadFilter, string? suggestion = null) : Exception(message)
{
    public int Offset { get; } = offset;

    public string Code { get; } = code;

    public string? Suggestion { get; } = suggestion;
}
