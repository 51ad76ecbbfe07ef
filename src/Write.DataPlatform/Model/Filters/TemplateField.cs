using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Filters;

/// <summary>What a template names: MetricFlow's <c>Dimension('visit__country')</c> and the like.</summary>
/// <param name="Kind"><c>Dimension</c>, <c>TimeDimension</c>, <c>Entity</c> or <c>Metric</c>.</param>
/// <param name="Name">The name, with entity path and grain; for a metric, the metric's.</param>
/// <param name="Descending">What <c>.descending(…)</c> said.</param>
internal sealed record TemplateField(string Kind, FieldName Name, bool Descending)
{
    private static readonly string[] Kinds = ["Dimension", "TimeDimension", "Entity", "Metric"];

    /// <summary>Reads a call such as <c>TimeDimension('metric_time', 'month')</c>.</summary>
    /// <exception cref="FilterException">The call is none of MetricFlow's.</exception>
    public static TemplateField Parse(string text, int offset)
    {
        var reader = new CallReader(text, offset);
        var (kind, arguments) = reader.Call();
        if (!Kinds.Contains(kind))
        {
            throw new FilterException(
                $"'{kind}' is none of Dimension, TimeDimension, Entity and Metric", offset, suggestion: Reading.Suggestion.For(kind, Kinds));
        }

        var name = Text(arguments, "name", 0) ?? Text(arguments, "entity_name", 0) ?? Text(arguments, "dimension_name", 0) ?? Text(arguments, "metric_name", 0)
            ?? throw new FilterException($"{kind} needs a name in quotes", offset);
        var grain = kind == "TimeDimension" ? Text(arguments, "time_granularity_name", 1) ?? Text(arguments, "time_granularity", 1) : null;
        var path = List(arguments, "entity_path", kind == "TimeDimension" ? 2 : 1);
        var part = Text(arguments, "date_part_name", int.MaxValue) ?? Text(arguments, "date_part", int.MaxValue);
        var descending = false;
        while (reader.TryMethod(out var method, out var methodArguments))
        {
            switch (method)
            {
                case "grain":
                    grain = Text(methodArguments, "time_granularity_name", 0) ?? Text(methodArguments, "time_granularity", 0)
                        ?? throw new FilterException("grain(…) needs a grain in quotes", offset);
                    break;
                case "descending":
                    descending = methodArguments is not [{ Value: Bare { Word: "False" or "false" } }, ..];
                    break;
                case "date_part":
                    part = Text(methodArguments, "date_part_name", 0) ?? throw new FilterException("date_part(…) needs a part in quotes", offset);
                    break;
                default:
                    throw new FilterException($"'.{method}' is not known here", offset, suggestion: Reading.Suggestion.For(method, ["grain", "date_part", "descending"]));
            }
        }

        reader.End();
        if (name.Length == 0 || grain is "" || (path.Length > 0 && path.Contains("")))
        {
            throw new FilterException($"{kind} has an empty name", offset);
        }

        if (kind == "Metric")
        {
            // A key of an order names a metric alone; a filter wants it by an entity.
            return new TemplateField(kind, new FieldName(List(arguments, "group_by", 1) is [var entity] && entity.Length > 0 ? [.. entity.Split("__"), name] : [name], null), descending);
        }

        if (grain is not null && Reading.Spelling.IsTooFine(grain))
        {
            throw new FilterException($"The grain '{grain}' is finer than the finest supported, millisecond", offset, ModelCode.NotSupported);
        }

        if (part is not null && FieldName.ParsePart(part) is null)
        {
            throw new FilterException($"There is no part '{part}' of a date", offset, suggestion: Reading.Suggestion.For(part, Enum.GetNames<DatePart>().Select(p => p.ToLowerInvariant())));
        }

        var spelt = string.Join("__", path.Append(name)) + (part is not null ? "__extract_" + part.ToLowerInvariant() : grain is null ? "" : "__" + grain.ToLowerInvariant());
        return new TemplateField(kind, FieldName.Parse(spelt), descending);
    }

    private static string? Text(ImmutableArray<Argument> arguments, string name, int position) =>
        (arguments.FirstOrDefault(a => a.Name == name) is { Name: not null } named ? named
            : position < arguments.Length && arguments[position].Name is null ? arguments[position] : default).Value as string;

    private static ImmutableArray<string> List(ImmutableArray<Argument> arguments, string name, int position) =>
        (arguments.FirstOrDefault(a => a.Name == name) is { Name: not null } named ? named
            : position < arguments.Length && arguments[position].Name is null ? arguments[position] : default).Value switch
        {
            ImmutableArray<string> list => list,
            _ => [],
        };

    private sealed record Bare(string Word);

    private readonly record struct Argument(string? Name, object? Value);

    /// <summary>Reads calls of Python's form with texts, lists of texts and plain words as arguments.</summary>
    private sealed class CallReader(string text, int offset)
    {
        private int _at;

        public (string Name, ImmutableArray<Argument> Arguments) Call()
        {
            var name = Word();
            Expect('(');
            var arguments = ImmutableArray.CreateBuilder<Argument>();
            while (!TryTake(')'))
            {
                var argument = Value();
                arguments.Add(argument is Bare bare && TryTake('=') ? new Argument(bare.Word, Value()) : new Argument(null, argument));

                if (!TryTake(','))
                {
                    Expect(')');
                    break;
                }
            }

            return (name, arguments.ToImmutable());
        }

        public bool TryMethod(out string name, out ImmutableArray<Argument> arguments)
        {
            (name, arguments) = ("", []);
            if (!TryTake('.'))
            {
                return false;
            }

            (name, arguments) = Call();
            return true;
        }

        public void End()
        {
            if (Peek() != '\0')
            {
                throw Unexpected();
            }
        }

        private object Value()
        {
            switch (Peek())
            {
                case '\'' or '"':
                    return Text();
                case '[' or '(':
                    // Python's tuples are lists here.
                    var close = text[_at++] == '[' ? ']' : ')';
                    var items = ImmutableArray.CreateBuilder<string>();
                    while (!TryTake(close))
                    {
                        if (Peek() is not ('\'' or '"'))
                        {
                            throw Unexpected();
                        }

                        items.Add(Text());
                        if (!TryTake(','))
                        {
                            Expect(close);
                            break;
                        }
                    }

                    return items.ToImmutable();
                default:
                    return new Bare(Word());
            }
        }

        private string Text()
        {
            var quote = text[_at];
            var end = text.IndexOf(quote, _at + 1);
            if (end < 0)
            {
                throw new FilterException("A name is not closed by its quote", offset);
            }

            var value = text[(_at + 1)..end];
            _at = end + 1;
            return value;
        }

        private string Word()
        {
            Peek();
            var start = _at;
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] == '_'))
            {
                _at++;
            }

            return _at > start ? text[start.._at] : throw Unexpected();
        }

        private char Peek()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            {
                _at++;
            }

            return _at < text.Length ? text[_at] : '\0';
        }

        private bool TryTake(char c)
        {
            if (Peek() != c)
            {
                return false;
            }

            _at++;
            return true;
        }

        private void Expect(char c)
        {
            if (!TryTake(c))
            {
                throw Unexpected(c);
            }
        }

        private FilterException Unexpected(char? expected = null) => new(
            (_at < text.Length ? $"Unexpected '{text[_at]}'" : "Unexpected end") + $" in '{text}'" + (expected is null ? "" : $" where '{expected}' should be"),
            offset + _at,
            suggestion: "Write for example {{ Dimension('visit__country') }}");
    }
}
