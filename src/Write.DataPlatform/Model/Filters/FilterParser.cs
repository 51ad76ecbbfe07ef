using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Write.DataPlatform.Model.Filters;

/// <summary>
/// Reads MetricFlow's where strings into trees. A term that has no tree (a function, arithmetic) becomes one
/// <see cref="SqlFilter"/>, as small as the boolean structure around it allows.
/// </summary>
internal sealed class FilterParser
{
    private const int MaxDepth = 32;
    private const int MaxLength = 100_000;

    private readonly string _text;
    private readonly List<FilterToken> _tokens;
    private int _at;
    private int _depth;

    private FilterParser(string text)
    {
        _text = text;
        _tokens = FilterToken.Cut(text);
    }

    private FilterToken Current => _tokens[_at];

    /// <summary>Reads a where string.</summary>
    /// <exception cref="FilterException">The text is no condition.</exception>
    public static Filter Parse(string text)
    {
        if (text.Length > MaxLength)
        {
            throw new FilterException($"A filter may have at most {MaxLength} characters", 0, ModelCode.TooLarge);
        }

        var parser = new FilterParser(text);
        if (parser.Current.Kind is FilterTokenKind.End)
        {
            throw new FilterException("The filter is empty", 0);
        }

        var filter = parser.Or();
        return parser.Current.Kind is FilterTokenKind.End
            ? filter
            : throw new FilterException($"Unexpected '{parser._text[parser.Current.Start..parser.Current.End]}'", parser.Current.Start);
    }

    private Filter Or()
    {
        var parts = ImmutableArray.CreateBuilder<Filter>();
        do
        {
            parts.Add(And());
        }
        while (TryWord("or"));
        return parts.Count == 1 ? parts[0] : new OrFilter([.. parts.SelectMany(p => p is OrFilter or ? or.Filters : [p])]);
    }

    private Filter And()
    {
        var parts = ImmutableArray.CreateBuilder<Filter>();
        do
        {
            parts.Add(Not());
        }
        while (TryWord("and"));
        return Filter.And(parts)!;
    }

    private Filter Not()
    {
        if (++_depth > MaxDepth)
        {
            throw new FilterException($"Conditions are nested deeper than {MaxDepth} levels", Current.Start, ModelCode.TooLarge);
        }

        try
        {
            return TryWord("not") ? new NotFilter(Not()) : Term();
        }
        finally
        {
            _depth--;
        }
    }

    private Filter Term()
    {
        var start = _at;
        if (Current.Is("("))
        {
            var close = Close(start);
            if (!IsBoundaryAt(close + 1))
            {
                // The brackets hold an operand: (a + b) > 3
                return Sql();
            }

            _at++;
            var inner = Or();
            return TrySymbol(")") ? inner : throw new FilterException($"Unexpected '{_text[Current.Start..Current.End]}'", Current.Start);
        }

        if (Comparison() is { } comparison && IsBoundaryAt(_at))
        {
            return comparison;
        }

        _at = start;
        return Sql();
    }

    private int Close(int open)
    {
        var depth = 0;
        for (var i = open; i < _tokens.Count; i++)
        {
            depth += _tokens[i].Is("(") ? 1 : _tokens[i].Is(")") ? -1 : 0;
            if (depth == 0)
            {
                return i;
            }
        }

        throw new FilterException("A bracket '(' is not closed", _tokens[open].Start);
    }

    private bool IsBoundaryAt(int at) =>
        _tokens[at].Kind is FilterTokenKind.End || _tokens[at].Is(")") || _tokens[at].IsWord("and") || _tokens[at].IsWord("or");

    private Filter? Comparison()
    {
        if (Current.Kind is FilterTokenKind.Template)
        {
            return OfField(Field());
        }

        // A value on the left: 'FR' = {{ … }}
        if (Value() is { Value: { } constant } && Operator() is { } flipped && Current.Kind is FilterTokenKind.Template)
        {
            return new ComparisonFilter(Field(), Flip(flipped), [constant]);
        }

        return null;
    }

    private Filter? OfField(FieldName field)
    {
        if (IsBoundaryAt(_at))
        {
            return new ComparisonFilter(field, FilterOperator.Equals, [true]);
        }

        if (TryWord("is"))
        {
            var isNot = TryWord("not");
            return TryWord("null") ? new ComparisonFilter(field, isNot ? FilterOperator.IsSet : FilterOperator.IsNotSet, []) : null;
        }

        var not = TryWord("not");
        if (TryWord("in"))
        {
            return Values() is { } values ? new ComparisonFilter(field, not ? FilterOperator.NotIn : FilterOperator.In, values) : null;
        }

        if (TryWord("between"))
        {
            if (Value() is not { Value: { } low } || !TryWord("and") || Value() is not { Value: { } high })
            {
                return null;
            }

            Filter between = new ComparisonFilter(field, FilterOperator.Between, [low, high]);
            return not ? new NotFilter(between) : between;
        }

        if (TryWord("like"))
        {
            var pattern = Current.Kind is FilterTokenKind.Text ? _tokens[_at++].Value : null;
            return pattern is null ? null : Like(field, pattern, not);
        }

        return !not && Operator() is { } op && Value() is { Value: { } constant } ? new ComparisonFilter(field, op, [constant]) : null;
    }

    private static Filter? Like(FieldName field, string pattern, bool not)
    {
        var text = pattern.Trim('%');
        if (text.Length == 0 || text.AsSpan().IndexOfAny('%', '_', '\\') >= 0)
        {
            return null;
        }

        var op = (pattern[0] == '%', pattern[^1] == '%') switch
        {
            (true, true) => not ? FilterOperator.NotContains : FilterOperator.Contains,
            (true, false) => not ? FilterOperator.NotEndsWith : FilterOperator.EndsWith,
            (false, true) => not ? FilterOperator.NotStartsWith : FilterOperator.StartsWith,
            _ => not ? FilterOperator.NotEquals : FilterOperator.Equals,
        };
        return new ComparisonFilter(field, op, [text]);
    }

    private FilterOperator? Operator()
    {
        FilterOperator? op = Current.Kind is not FilterTokenKind.Symbol ? null : Current.Value switch
        {
            "=" or "==" => FilterOperator.Equals,
            "!=" or "<>" => FilterOperator.NotEquals,
            "<" => FilterOperator.Lt,
            "<=" => FilterOperator.Lte,
            ">" => FilterOperator.Gt,
            ">=" => FilterOperator.Gte,
            _ => null,
        };
        _at += op is null ? 0 : 1;
        return op;
    }

    private static FilterOperator Flip(FilterOperator op) => op switch
    {
        FilterOperator.Lt => FilterOperator.Gt,
        FilterOperator.Lte => FilterOperator.Gte,
        FilterOperator.Gt => FilterOperator.Lt,
        FilterOperator.Gte => FilterOperator.Lte,
        _ => op,
    };

    private ImmutableArray<object?>? Values()
    {
        if (!TrySymbol("("))
        {
            return null;
        }

        var values = ImmutableArray.CreateBuilder<object?>();
        do
        {
            // A null in SQL's list makes the rest unknown; in a tree it would match null. So it stays SQL.
            if (Value() is not { Value: { } constant })
            {
                return null;
            }

            values.Add(constant);
        }
        while (TrySymbol(","));
        return TrySymbol(")") ? values.ToImmutable() : null;
    }

    /// <summary>The constant that stands here, or null if something else does.</summary>
    private Constant? Value()
    {
        if (TryWord("null"))
        {
            return new Constant(null);
        }

        if (Current.IsWord("true") || Current.IsWord("false"))
        {
            return new Constant(_tokens[_at++].IsWord("true"));
        }

        if ((Current.IsWord("date") || Current.IsWord("timestamp")) && _tokens[_at + 1].Kind is FilterTokenKind.Text)
        {
            _at += 2;
            return Moment(_tokens[_at - 2].Value, _tokens[_at - 1].Value);
        }

        if (Current.IsWord("cast") && _tokens[_at + 1].Is("(") && _tokens[_at + 2].Kind is FilterTokenKind.Text && _tokens[_at + 3].IsWord("as")
            && _tokens[_at + 4].Kind is FilterTokenKind.Word && _tokens[_at + 5].Is(")"))
        {
            _at += 6;
            return Moment(_tokens[_at - 2].Value, _tokens[_at - 4].Value);
        }

        var negative = TrySymbol("-");
        if (Current.Kind is FilterTokenKind.Number)
        {
            return Number((negative ? "-" : "") + _tokens[_at++].Value) is { } number ? new Constant(number) : null;
        }

        if (negative || Current.Kind is not FilterTokenKind.Text)
        {
            return null;
        }

        var text = _tokens[_at++].Value;
        return !TrySymbol("::") ? new Constant(text)
            : Current.Kind is FilterTokenKind.Word ? Moment(_tokens[_at++].Value, text)
            : null;
    }

    /// <summary>A date or an instant keeps its text; a cast that would change the value has no tree.</summary>
    private static Constant? Moment(string type, string text)
    {
        var isRead = type.ToLowerInvariant() switch
        {
            "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
            "timestamp" or "timestamptz" or "datetime" => text.Length >= 10 && DateOnly.TryParseExact(text[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _),
            _ => false,
        };
        return isRead ? new Constant(text) : null;
    }

    private static object? Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) ? integer
        : decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) ? real
        : null;

    private FieldName Field()
    {
        var token = _tokens[_at++];
        var field = TemplateField.Parse(token.Value, token.Start);
        return field.Name;
    }

    /// <summary>Takes the tokens up to the next <c>and</c>, <c>or</c> or closing bracket of the same level as they are.</summary>
    private SqlFilter Sql()
    {
        var start = _at;
        var brackets = 0;
        var betweens = 0;
        var cases = 0;
        for (; Current.Kind is not FilterTokenKind.End; _at++)
        {
            if (Current.Is(")") && brackets == 0)
            {
                break;
            }

            if (brackets == 0 && cases == 0 && (Current.IsWord("or") || (Current.IsWord("and") && betweens-- <= 0)))
            {
                break;
            }

            brackets += Current.Is("(") ? 1 : Current.Is(")") ? -1 : 0;
            betweens = brackets == 0 && cases == 0 && Current.IsWord("between") ? betweens + 1 : Math.Max(0, betweens);
            cases += Current.IsWord("case") ? 1 : Current.IsWord("end") && cases > 0 ? -1 : 0;
        }

        if (_at == start)
        {
            throw new FilterException(
                Current.Kind is FilterTokenKind.End ? "A condition is missing at the end" : $"A condition is missing before '{_text[Current.Start..Current.End]}'", Current.Start);
        }

        if (brackets > 0 || cases > 0)
        {
            throw new FilterException(cases > 0 ? "A 'case' has no 'end'" : "A bracket '(' is not closed", _tokens[start].Start);
        }

        return SqlOf(start, _at);
    }

    private SqlFilter SqlOf(int start, int end)
    {
        var texts = ImmutableArray.CreateBuilder<string>();
        var fields = ImmutableArray.CreateBuilder<FieldName>();
        var part = new StringBuilder();
        var from = _tokens[start].Start;
        for (var i = start; i < end; i++)
        {
            if (_tokens[i].Kind is FilterTokenKind.Template)
            {
                texts.Add(part.Append(_text, from, _tokens[i].Start - from).ToString());
                part.Clear();
                from = _tokens[i].End;
                var at = _at;
                _at = i;
                fields.Add(Field());
                _at = at;
            }
        }

        texts.Add(part.Append(_text, from, _tokens[end - 1].End - from).ToString());
        if (fields.Count == 0 && BareColumn(start, end) is { } column)
        {
            throw new FilterException(
                $"'{column.Value}' is a bare column", column.Start, suggestion: $"Write {{{{ Dimension('entity__{column.Value.Trim('"').ToLowerInvariant()}') }}}}.");
        }

        if (start + 1 == end && fields.Count == 0 && _tokens[start].Kind is FilterTokenKind.Text or FilterTokenKind.Number)
        {
            throw new FilterException("A constant is no condition", _tokens[start].Start);
        }

        return new SqlFilter(texts.ToImmutable(), fields.ToImmutable());
    }

    private static readonly HashSet<string> Constants = new(StringComparer.OrdinalIgnoreCase)
    {
        "true", "false", "null", "not", "is", "in", "between", "and", "or", "like", "ilike", "case", "when", "then", "else", "end", "cast", "as", "interval",
        "date", "timestamp", "time", "current_date", "current_timestamp", "current_time", "localtimestamp",
        "int", "integer", "bigint", "varchar", "text", "double", "decimal", "boolean", "year", "month", "day", "hour", "minute", "second",
    };

    private FilterToken? BareColumn(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            var isName = _tokens[i].Kind is FilterTokenKind.QuotedName
                || (_tokens[i].Kind is FilterTokenKind.Word && !Constants.Contains(_tokens[i].Value) && !_tokens[i + 1].Is("(") && !(i > start && _tokens[i - 1].Is("::")));
            if (isName)
            {
                return _tokens[i];
            }
        }

        return null;
    }

    /// <summary>A constant; null is SQL's.</summary>
    private readonly record struct Constant(object? Value);

    private bool TryWord(string word)
    {
        if (!Current.IsWord(word))
        {
            return false;
        }

        _at++;
        return true;
    }

    private bool TrySymbol(string symbol)
    {
        if (!Current.Is(symbol))
        {
            return false;
        }

        _at++;
        return true;
    }
}
