using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Random rows and random expressions over them, each as OData's text and as what OData says that it means, worked out in C#.</summary>
internal sealed class RandomRows(int seed)
{
    public static readonly ImmutableArray<RowColumn> Columns =
    [
        new("id", RowType.Int64), new("s", RowType.String), new("n", RowType.Int64), new("d", RowType.Double),
        new("m", RowType.Decimal(18, 2)), new("t", new RowType(RowKind.Date)), new("z", new RowType(RowKind.Timestamp)), new("b", RowType.Boolean),
    ];

    private static readonly string?[] Words = ["", "a", "B", "ab", "Äb", "a'b", " x ", "it''s", "100%", "_a", "zz\\", null];

    private readonly Random _random = new(seed);

    public List<object?[]> Rows(int count) => [.. Enumerable.Range(0, count).Select(i => new object?[]
    {
        (long)i,
        Words[_random.Next(Words.Length)],
        Maybe(() => (long)_random.Next(-5, 6)),
        Maybe(() => _random.Next(-20, 21) / 4.0),
        Maybe(() => _random.Next(-500, 500) / 100m),
        Maybe(() => new DateOnly(2024, 1, 1).AddDays(_random.Next(800))),
        Maybe(() => new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(_random.Next(80_000_000)).AddMilliseconds(_random.Next(3) * 250)),
        Maybe(() => _random.Next(2) == 0),
    })];

    public (string Text, Func<object?[], object?> Value) Condition(int depth)
    {
        if (depth > 0 && _random.Next(3) > 0)
        {
            var (left, right) = (Condition(depth - 1), Condition(depth - 1));
            return _random.Next(5) switch
            {
                0 or 1 => ($"({left.Text} and {right.Text})", r => And((bool?)left.Value(r), (bool?)right.Value(r))),
                2 or 3 => ($"({left.Text} or {right.Text})", r => !And(!(bool?)left.Value(r), !(bool?)right.Value(r))),
                _ => ($"not ({left.Text})", r => !(bool?)left.Value(r)),
            };
        }

        switch (_random.Next(11))
        {
            case 0:
                var (a, b) = (Number(2), Number(2));
                return Compare(a, b);
            case 1:
                return Compare(Text(2), Text(1));
            case 2:
                return Compare(Decimal(), Decimal());
            case 3:
                return Compare(Date(), Date());
            case 4:
                return Compare(Instant(), Instant());
            case 5:
                var text = Text(1);
                var word = Literal();
                return _random.Next(3) switch
                {
                    0 => ($"contains({text.Text},{word.Text})", r => ((string?)text.Value(r))?.Contains(word.Value, StringComparison.Ordinal)),
                    1 => ($"startswith({text.Text},{word.Text})", r => ((string?)text.Value(r))?.StartsWith(word.Value, StringComparison.Ordinal)),
                    _ => ($"endswith({text.Text},{word.Text})", r => ((string?)text.Value(r))?.EndsWith(word.Value, StringComparison.Ordinal)),
                };
            case 6:
                var list = Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Literal()).ToList();
                return ($"s in ({string.Join(',', list.Select(l => l.Text))})", r => list.Any(l => l.Value == (string?)r[1]));
            case 7:
                var numbers = new[] { "1", "2.5", "-3", "0" }[..(_random.Next(3) + 2)];
                var isWhole = _random.Next(2) == 0;
                return ($"{(isWhole ? "n" : "d")} in ({string.Join(',', numbers)})",
                    r => (isWhole ? (double?)(long?)r[2] : (double?)r[3]) is { } v && numbers.Any(x => double.Parse(x, CultureInfo.InvariantCulture) == v));
            case 8:
                var (name, type, at) = new[] { ("n", "Edm.Int64", 2), ("d", "Edm.Double", 3), ("m", "Edm.Decimal", 4), ("t", "Edm.Date", 5), ("z", "Edm.DateTimeOffset", 6) }[_random.Next(5)];
                return ($"isof({name},{type})", r => r[at] is not null);
            case 9:
                var (then, otherwise) = (Text(1), Literal());
                return Compare(($"case(b:{then.Text},true:{otherwise.Text})", r => (bool?)r[7] == true ? then.Value(r) : otherwise.Value), Text(0));
            default:
                return ("b", r => r[7]);
        }
    }

    /// <summary>A condition of comparisons of columns with constants alone.</summary>
    public (string Text, Func<object?[], object?> Value) Plain(int depth)
    {
        if (depth > 0 && _random.Next(3) > 0)
        {
            var (left, right) = (Plain(depth - 1), Plain(depth - 1));
            return _random.Next(5) switch
            {
                0 or 1 => ($"({left.Text} and {right.Text})", r => (bool)left.Value(r)! && (bool)right.Value(r)!),
                2 or 3 => ($"({left.Text} or {right.Text})", r => (bool)left.Value(r)! || (bool)right.Value(r)!),
                _ => ($"not ({left.Text})", r => !(bool)left.Value(r)!),
            };
        }

        var (name, at) = new[] { ("s", 1), ("n", 2), ("t", 5), ("z", 6), ("b", 7) }[_random.Next(5)];
        (string Text, object? Value) Constant(bool ofOwnKind = false)
        {
            if (_random.Next(8) == 0)
            {
                return ("null", null);
            }

            var day = new DateOnly(2024, 1, 1).AddDays(_random.Next(800));
            var time = new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(_random.Next(1_000_000));
            return name switch
            {
                "s" => Literal(),
                "n" => _random.Next(-5, 6) is var number ? (number.ToString(CultureInfo.InvariantCulture), (long)number) : default,
                "b" => _random.Next(2) == 0 ? ("true", true) : ("false", false),
                _ when (ofOwnKind ? name == "t" : _random.Next(2) == 0) => (day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), day.ToDateTime(default)),
                _ => (new DateTimeOffset(time).ToOffset(TimeSpan.FromHours(_random.Next(-3, 4))).ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture), time),
            };
        }

        object? Of(object?[] row) => row[at] is DateOnly date ? date.ToDateTime(default) : row[at];
        if (name != "b" && _random.Next(4) == 0)
        {
            var list = Enumerable.Range(0, 1 + _random.Next(4)).Select(_ => Constant(ofOwnKind: true)).ToList();
            return ($"{name} in ({string.Join(',', list.Select(l => l.Text))})", r => list.Any(l => l.Value is null ? Of(r) is null : Of(r) is { } value && Order(value, l.Value) == 0));
        }

        var constant = Constant();
        var compared = _random.Next(2) == 0 ? Compare((name, Of), (constant.Text, _ => constant.Value)) : Compare((constant.Text, _ => constant.Value), (name, Of));
        return (compared.Text, r => compared.Value(r) is true);
    }

    public (string Text, Func<object?[], object?> Value) Any() => _random.Next(5) switch { 0 => Number(2), 1 => Text(1), 2 => Decimal(), 3 => Date(), _ => Instant() };

    public int Next(int max) => _random.Next(max);

    private (string Text, Func<object?[], object?> Value) Number(int depth)
    {
        if (depth == 0 || _random.Next(3) == 0)
        {
            var literal = _random.Next(-4, 5);
            return _random.Next(6) switch
            {
                0 or 1 => ("n", r => r[2]),
                2 => ("d", r => r[3]),
                3 => (literal.ToString(CultureInfo.InvariantCulture), _ => (long)literal),
                4 => ("1.5e0", _ => 1.5),
                _ => ("null", _ => null),
            };
        }

        var (a, b) = (Number(depth - 1), Number(depth - 1));
        return _random.Next(15) switch
        {
            0 or 1 => ($"({a.Text} add {b.Text})", r => Both(a, b, r, (x, y) => x + y, (x, y) => x + y)),
            2 => ($"({a.Text} sub {b.Text})", r => Both(a, b, r, (x, y) => x - y, (x, y) => x - y)),
            3 => ($"({a.Text} mul {b.Text})", r => Both(a, b, r, (x, y) => x * y, (x, y) => x * y)),
            4 => ($"({a.Text} div {b.Text})", r => Both(a, b, r, (x, y) => y == 0 ? null : x / y, (x, y) => y == 0 ? null : x / y)),
            5 => ($"({a.Text} mod {b.Text})", r => Both(a, b, r, (x, y) => y == 0 ? null : x % y, (x, y) => y == 0 ? null : x % y)),
            6 => ($"round({a.Text})", r => One(a, r, x => Math.Round(x, MidpointRounding.AwayFromZero))),
            7 => ($"floor({a.Text})", r => One(a, r, Math.Floor)),
            8 => ($"ceiling({a.Text})", r => One(a, r, Math.Ceiling)),
            9 => ("length(s)", r => (long?)((string?)r[1])?.Length),
            10 => ("indexof(s,'b')", r => (long?)((string?)r[1])?.IndexOf('b', StringComparison.Ordinal)),
            11 => ($"({a.Text} divby {b.Text})", r => a.Value(r) is { } x && b.Value(r) is { } y && Convert.ToDouble(y, CultureInfo.InvariantCulture) is not 0 and var by ? Convert.ToDouble(x, CultureInfo.InvariantCulture) / by : null),
            12 => Case(),
            13 => ("cast(cast(n,Edm.String),Edm.Int64)", r => r[2]),
            _ => _random.Next(6) switch
            {
                0 => ("year(t)", r => (long?)((DateOnly?)r[5])?.Year),
                1 => ("month(z)", r => (long?)((DateTime?)r[6])?.Month),
                2 => ("day(t)", r => (long?)((DateOnly?)r[5])?.Day),
                3 => ("hour(z)", r => (long?)((DateTime?)r[6])?.Hour),
                4 => ("minute(z)", r => (long?)((DateTime?)r[6])?.Minute),
                _ => ("second(z)", r => (long?)((DateTime?)r[6])?.Second),
            },
        };
    }

    /// <summary>A case with values of one type: which type the whole has is not told by a value.</summary>
    private (string Text, Func<object?[], object?> Value) Case()
    {
        var bound = _random.Next(-4, 5);
        return _random.Next(2) == 0
            ? ($"case(n gt {bound}:n,b:3,true:case(n eq null:null,true:-1))", r => (long?)r[2] > bound ? r[2] : (bool?)r[7] == true ? 3L : r[2] is null ? null : -1L)
            : ($"case(d le {bound}:d,b:0.5e0)", r => (double?)r[3] <= bound ? r[3] : (bool?)r[7] == true ? 0.5 : null);
    }

    private (string Text, Func<object?[], object?> Value) Text(int depth)
    {
        if (depth == 0 || _random.Next(2) == 0)
        {
            var literal = Literal();
            return _random.Next(3) > 0 ? ("s", r => r[1]) : (literal.Text, _ => literal.Value);
        }

        var a = Text(depth - 1);
        var (start, length) = (_random.Next(0, 3), _random.Next(0, 3));
        return _random.Next(5) switch
        {
            0 => ($"tolower({a.Text})", r => ((string?)a.Value(r))?.ToLowerInvariant()),
            1 => ($"toupper({a.Text})", r => ((string?)a.Value(r))?.ToUpperInvariant()),
            2 => ($"trim({a.Text})", r => ((string?)a.Value(r))?.Trim()),
            3 => ($"concat({a.Text},'x')", r => (string?)a.Value(r) is { } text ? text + "x" : null),
            _ => ($"substring({a.Text},{start},{length})", r => (string?)a.Value(r) is { } text ? string.Concat(text.Skip(start).Take(length)) : null),
        };
    }

    private (string Text, Func<object?[], object?> Value) Decimal()
    {
        var literal = _random.Next(-400, 400) / 100m;
        var text = literal.ToString(CultureInfo.InvariantCulture);
        return _random.Next(4) switch
        {
            0 => ("m", r => r[4]),
            1 => (text, _ => literal),
            2 => ($"(m add {text})", r => (decimal?)r[4] + literal),
            _ => ($"(m mul {text})", r => (decimal?)r[4] * literal),
        };
    }

    private (string Text, Func<object?[], object?> Value) Date()
    {
        var date = new DateOnly(2024, 1, 1).AddDays(_random.Next(800));
        return _random.Next(3) switch
        {
            0 => ("t", r => ((DateOnly?)r[5])?.ToDateTime(default)),
            1 => ("date(z)", r => ((DateTime?)r[6])?.Date),
            _ => (date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), _ => date.ToDateTime(default)),
        };
    }

    private (string Text, Func<object?[], object?> Value) Instant()
    {
        var time = new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(_random.Next(1_000_000));
        return _random.Next(4) switch
        {
            0 or 1 => ("z", r => r[6]),
            2 => (new DateTimeOffset(time).ToOffset(TimeSpan.FromHours(2)).ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture), _ => time),
            _ => ("(z add duration'P1DT2H')", r => ((DateTime?)r[6])?.AddHours(26)),
        };
    }

    private (string Text, Func<object?[], object?> Value) Compare((string Text, Func<object?[], object?> Value) a, (string Text, Func<object?[], object?> Value) b)
    {
        string[] operators = ["eq", "ne", "lt", "le", "gt", "ge"];
        var op = operators[_random.Next(operators.Length)];
        return ($"{a.Text} {op} {b.Text}", r =>
        {
            var (x, y) = (a.Value(r), b.Value(r));
            var order = x is null || y is null ? (int?)null : Order(x, y);
            return op switch
            {
                "eq" => order is null ? x is null && y is null : order == 0,
                "ne" => order is null ? !(x is null && y is null) : order != 0,
                "lt" => order < 0,
                "le" => order <= 0,
                "gt" => order > 0,
                _ => (object)(order >= 0),
            };
        });
    }

    /// <summary>OData's order: null before anything.</summary>
    public static int Order(object? x, object? y) => (x, y) switch
    {
        (null, null) => 0,
        (null, _) => -1,
        (_, null) => 1,
        (string a, string b) => string.CompareOrdinal(a, b),
        (long or double, long or double) => Convert.ToDouble(x, CultureInfo.InvariantCulture).CompareTo(Convert.ToDouble(y, CultureInfo.InvariantCulture)),
        _ => ((IComparable)x).CompareTo(y),
    };

    private static bool? And(bool? a, bool? b) => a is false || b is false ? false : a is null || b is null ? null : true;

    private static object? Both(
        (string, Func<object?[], object?> Value) a, (string, Func<object?[], object?> Value) b, object?[] row, Func<long, long, long?> whole, Func<double, double, double?> floating)
    {
        var (x, y) = (a.Value(row), b.Value(row));
        return x is null || y is null ? null
            : x is long i && y is long j ? (object?)whole(i, j)
            : floating(Convert.ToDouble(x, CultureInfo.InvariantCulture), Convert.ToDouble(y, CultureInfo.InvariantCulture));
    }

    private static object? One((string, Func<object?[], object?> Value) a, object?[] row, Func<double, double> compute) =>
        a.Value(row) switch { null => null, long whole => (object)whole, var x => compute((double)x) };

    private (string Text, string Value) Literal()
    {
        var word = Words[_random.Next(Words.Length - 1)]!;
        return ("'" + word.Replace("'", "''", StringComparison.Ordinal) + "'", word);
    }

    private object? Maybe<T>(Func<T> value) => _random.Next(6) == 0 ? null : value();
}
