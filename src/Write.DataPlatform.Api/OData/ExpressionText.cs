using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>
/// An expression's text as OData's parser can read it: it has neither <c>case()</c> nor <c>divby</c>, and no durations without their prefix. A case is read
/// here and stands in the text as a column of its own; a <c>divby</c> stands there as <c>div</c>, and which of them it was is kept by their order.
/// </summary>
/// <param name="Text">The text for the parser.</param>
/// <param name="Divisions">For each division from left to right whether it is by <c>divby</c>; empty if none is.</param>
internal sealed partial record ExpressionText(string Text, ImmutableArray<bool> Divisions)
{
    private const int MaxColons = 32;

    /// <summary>Operators and functions as the parser knows them; in any other case it takes only some.</summary>
    private static readonly Dictionary<string, string> Known = new[]
    {
        "eq", "ne", "gt", "ge", "lt", "le", "and", "or", "not", "in", "add", "sub", "mul", "div", "divby", "mod", "asc", "desc", "null", "true", "false",
        "contains", "startswith", "endswith", "matchesPattern", "length", "indexof", "substring", "tolower", "toupper", "trim", "concat", "year", "month", "day", "hour", "minute", "second", "fractionalseconds",
        "date", "time", "totaloffsetminutes", "totalseconds", "now", "mindatetime", "maxdatetime", "round", "floor", "ceiling", "cast", "isof",
    }.ToDictionary(n => n, n => n, StringComparer.OrdinalIgnoreCase);

    /// <param name="text">As the caller wrote it.</param>
    /// <param name="reader">Reads what stands within a case.</param>
    /// <param name="column">Gives a value a name that stands for it.</param>
    /// <exception cref="ProblemException">400: a case cannot be read.</exception>
    public static ExpressionText Of(string text, ExpressionReader reader, Func<RowExpression, string> column)
    {
        var plain = Spelt(WithoutCases(text, reader, column), reader);
        var divisions = Splitter.Words(plain).Where(w => Is(plain, w, "div") || Is(plain, w, "divby")).ToList();
        if (divisions.All(w => Is(plain, w, "div")))
        {
            return new ExpressionText(plain, []);
        }

        var result = new StringBuilder(plain);
        foreach (var (start, length) in Enumerable.Reverse(divisions))
        {
            result.Remove(start, length).Insert(start, "div");
        }

        return new ExpressionText(result.ToString(), [.. divisions.Select(w => Is(plain, w, "divby"))]);
    }

    /// <summary>The text with its durations named as such; the same if it has none that is not.</summary>
    public static string WithDurations(string text) => Duration().Replace(text, "duration$0");

    private static string WithoutCases(string text, ExpressionReader reader, Func<RowExpression, string> column)
    {
        var result = new StringBuilder();
        var end = 0;
        foreach (var word in Splitter.Words(text).Where(w => Is(text, w, "case")))
        {
            var open = word.Start + word.Length;
            if (word.Start < end || open >= text.Length || text[open] != '(')
            {
                continue;
            }

            var close = Splitter.Closing(text, open);
            result.Append(text, end, word.Start - end).Append(column(Case(text[(open + 1)..close], reader)));
            end = close + 1;
        }

        return end == 0 ? text : result.Append(text, end, text.Length - end).ToString();
    }

    private static RowExpression Case(string inner, ExpressionReader reader)
    {
        var pairs = Splitter.Split(inner, ',').Select(pair => Pair(pair, reader)).ToList();
        return Operators.Case([.. pairs.Select(p => p.Condition)], [.. pairs.Select(p => p.Value)]);
    }

    /// <summary>The text with operators and functions as the parser spells them; what is a column's name stays.</summary>
    private static string Spelt(string text, ExpressionReader reader)
    {
        StringBuilder? result = null;
        foreach (var (start, length) in Splitter.Words(text))
        {
            var word = text.Substring(start, length);
            if (Known.TryGetValue(word, out var known) && known != word && !reader.HasColumn(word))
            {
                result ??= new StringBuilder(text);
                result.Remove(start, length).Insert(start, known);
            }
        }

        return result?.ToString() ?? text;
    }

    /// <summary>A condition and a value with a colon between them; times have colons too, so it is the last that leaves two expressions.</summary>
    private static (RowExpression Condition, RowExpression Value) Pair(string pair, ExpressionReader reader)
    {
        var parts = Splitter.Split(pair, ':');
        if (parts.Count is < 2 or > MaxColons)
        {
            throw Refusal.Bad($"'{QueryForm.Short(pair)}' is no pair of a condition and a value: case takes 'condition:value,…'.");
        }

        ProblemException? first = null;
        for (var i = parts.Count - 1; i > 0; i--)
        {
            try
            {
                return (reader.Filter(string.Join(':', parts.Take(i)).Trim()), reader.Value(string.Join(':', parts.Skip(i)).Trim()));
            }
            catch (ProblemException refused) when (refused.Problem.Status == StatusCodes.Status400BadRequest)
            {
                first ??= refused;
            }
        }

        throw first!;
    }

    private static bool Is(string text, (int Start, int Length) word, string name) =>
        word.Length == name.Length && string.Compare(text, word.Start, name, 0, name.Length, StringComparison.OrdinalIgnoreCase) == 0;

    [GeneratedRegex(@"(?<![\w'])'-?P(?=\d|T\d)(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?'(?!')", RegexOptions.CultureInvariant)]
    private static partial Regex Duration();
}
