using System.Globalization;
using System.Text;

namespace Write.DataPlatform.AthenaStandIn.Sql;

/// <summary>A SELECT of DuckDB's.</summary>
/// <param name="Sql">Its text.</param>
/// <param name="Tables">The tables it reads.</param>
internal sealed record TrinoTranslation(string Sql, IReadOnlyCollection<(string Database, string Name)> Tables);

/// <summary>
/// Turns a SELECT of Trino's into one of DuckDB's, token by token. What Trino has not must not pass by luck: only known functions, types and symbols do,
/// and words that are DuckDB's alone are refused.
/// </summary>
internal sealed class TrinoTranslator
{
    private static readonly string[] Refused =
        ["QUALIFY", "ILIKE", "EXCLUDE", "PIVOT", "UNPIVOT", "ASOF", "POSITIONAL", "SEMI", "ANTI", "SUMMARIZE", "LAMBDA", "GLOB", "SIMILAR", "RETURNING", "TABLESAMPLE"];

    private static readonly HashSet<string> NotFunctions = new(StringComparer.OrdinalIgnoreCase)
    {
        "IN", "AS", "VALUES", "OVER", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "ON", "WHERE", "HAVING", "SELECT", "DISTINCT", "FROM", "JOIN", "BY", "UNION", "ALL", "INTERSECT",
        "EXCEPT", "EXISTS", "ANY", "SOME", "USING", "CASE", "BETWEEN", "LIKE", "LIMIT", "OFFSET", "IS", "WITHIN", "GROUP", "SETS", "CUBE", "ROLLUP",
    };

    private static readonly Dictionary<string, string> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["BIGINT"] = "BIGINT", ["INTEGER"] = "INTEGER", ["INT"] = "INTEGER", ["SMALLINT"] = "SMALLINT", ["TINYINT"] = "TINYINT", ["BOOLEAN"] = "BOOLEAN", ["DOUBLE"] = "DOUBLE",
        ["REAL"] = "FLOAT", ["VARCHAR"] = "VARCHAR", ["CHAR"] = "VARCHAR", ["DATE"] = "DATE", ["TIMESTAMP"] = "TIMESTAMP", ["VARBINARY"] = "BLOB", ["JSON"] = "JSON", ["DECIMAL"] = "DECIMAL(38,0)",
    };

    private readonly string _sql;
    private readonly string _database;
    private readonly List<TrinoToken> _tokens;
    private readonly HashSet<(string, string)> _tables = [];
    private readonly HashSet<string> _named = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _bound = new(StringComparer.OrdinalIgnoreCase);
    private int _lambdas;

    private TrinoTranslator(string sql, string database)
    {
        (_sql, _database, _tokens) = (sql, database, TrinoToken.Read(sql));
        if (_tokens is [.., { Value: ";" }])
        {
            _tokens.RemoveAt(_tokens.Count - 1);
        }

        for (var i = 0; i + 3 < _tokens.Count; i++)
        {
            if (_tokens[i].Kind is TokenKind.Word or TokenKind.Quoted && _tokens[i + 1].Is("AS") && _tokens[i + 2].Is("(") && (_tokens[i + 3].Is("SELECT") || _tokens[i + 3].Is("WITH") || _tokens[i + 3].Is("VALUES")))
            {
                _named.Add(Name(_tokens[i]));
            }
        }
    }

    /// <exception cref="TrinoSyntaxException">It is not Trino's SQL.</exception>
    /// <exception cref="TrinoFunctionException">It calls what Trino has not.</exception>
    public static TrinoTranslation Translate(string sql, string database)
    {
        var translator = new TrinoTranslator(sql, database);
        return new TrinoTranslation(translator.Range(0, translator._tokens.Count), translator._tables);
    }

    /// <summary>Looks whether it is Trino's SQL, functions aside.</summary>
    /// <exception cref="TrinoSyntaxException">It is not.</exception>
    public static void Check(string sql)
    {
        try
        {
            Translate(sql, "default");
        }
        catch (TrinoFunctionException)
        {
        }
    }

    private string Range(int from, int to)
    {
        var text = new StringBuilder();
        for (var i = from; i < to; i++)
        {
            text.Append(text.Length == 0 ? "" : " ").Append(One(ref i, from, to));
        }

        return text.ToString();
    }

    /// <summary>What starts at a token; the index is left on its last.</summary>
    private string One(ref int i, int from, int to)
    {
        var token = _tokens[i];
        var next = At(i + 1, to);
        switch (token.Kind)
        {
            case TokenKind.Text or TokenKind.Number:
                return token.Value;
            case TokenKind.Symbol:
                return Symbol(ref i, from, to);
            case TokenKind.Quoted:
                return next.Is("(") && !Follows(i, "AS") ? throw Unexpected(next) : token.Value;
        }

        if (Refused.Contains(token.Value, StringComparer.OrdinalIgnoreCase) || (token.Is("ALL") && Follows(i, "BY")) || (token.Is("ON") && Follows(i, "DISTINCT")))
        {
            throw Unexpected(token);
        }

        if ((token.Is("FROM") && !Follows(i, "DISTINCT")) || token.Is("JOIN"))
        {
            return token.Value + Table(ref i, to);
        }

        if (token.Is("ARRAY") && next.Is("["))
        {
            var end = Close(i + 1, to);
            var items = Range(i + 2, end);
            i = end;
            return "[" + items + "]";
        }

        if (token.Is("INTERVAL"))
        {
            return next.Kind == TokenKind.Text && At(i + 2, to).Kind == TokenKind.Word ? Take(ref i, 3) : throw Unexpected(next);
        }

        if (next.Kind == TokenKind.Text && Typed(token, next) is { } literal)
        {
            i++;
            return literal;
        }

        if (!next.Is("(") || NotFunctions.Contains(token.Value) || (token.Is("FILTER") && At(i + 2, to).Is("WHERE")) || Follows(i, "AS"))
        {
            return _bound.TryGetValue(token.Value, out var bound) && !Follows(i, ".") ? bound : token.Value;
        }

        var close = Close(i + 1, to);
        var start = i + 2;
        i = close;
        return token.Value.ToUpperInvariant() switch
        {
            "CAST" or "TRY_CAST" => Cast(token.Value, start, close),
            "EXTRACT" => $"extract({(_tokens[start].Value.ToUpperInvariant() is "DOW" or "DAY_OF_WEEK" ? "isodow" : _tokens[start].Value)} FROM {Range(start + 2, close)})",
            "UNNEST" => throw Unexpected(token),
            "ZIP_WITH" => ZipWith(Split(start, close)),
            _ => TrinoFunctions.Call(token.Value, [.. Split(start, close).Select(a => Argument(a.From, a.To))]),
        };
    }

    private string Symbol(ref int i, int from, int to)
    {
        var token = _tokens[i];
        if (token.Is("->") || token.Is(";") || token.Is("?") || (token.Is("/") && Follows(i, "/")))
        {
            throw Unexpected(token);
        }

        if (!token.Is("["))
        {
            return token.Value;
        }

        // Lists are written with ARRAY; without it a bracket only looks into one.
        if (i == from || !(_tokens[i - 1].Kind is TokenKind.Word or TokenKind.Quoted || _tokens[i - 1].Is(")") || _tokens[i - 1].Is("]")))
        {
            throw Unexpected(token);
        }

        var close = Close(i, to);
        var index = Range(i + 1, close);
        i = close;
        return "[" + index + "]";
    }

    /// <summary>What follows FROM or JOIN, if it is a table or an UNNEST.</summary>
    private string Table(ref int i, int to)
    {
        var at = i + 1;
        if (at >= to || _tokens[at].Is("(") || _tokens[at].Is("LATERAL"))
        {
            return "";
        }

        if (_tokens[at].Is("UNNEST") && at + 1 < to && _tokens[at + 1].Is("("))
        {
            i = Close(at + 1, to);
            return $" UNNEST({string.Join(", ", Split(at + 2, i).Select(a => Argument(a.From, a.To)))})";
        }

        List<string> parts = [];
        while (at < to && _tokens[at].Kind is TokenKind.Word or TokenKind.Quoted)
        {
            parts.Add(Name(_tokens[at]).ToLowerInvariant());
            if (at + 1 >= to || !_tokens[at + 1].Is("."))
            {
                break;
            }

            at += 2;
        }

        i = at;
        if (parts is ["awsdatacatalog", _, _])
        {
            parts.RemoveAt(0);
        }

        if (parts is [var name] && _named.Contains(name))
        {
            return " " + CatalogTable.Quote(name);
        }

        var (database, table) = parts switch { [var only] => (_database, only), [var schema, var only] => (schema, only), _ => throw Unexpected(_tokens[Math.Min(at, to - 1)]) };
        _tables.Add((database, table));
        return $" {CatalogTable.Quote(database)}.{CatalogTable.Quote(table)}";
    }

    /// <summary>An argument, which may be a lambda.</summary>
    private string Argument(int from, int to)
    {
        string[] names;
        int body;
        if (from + 1 < to && _tokens[from].Kind is TokenKind.Word or TokenKind.Quoted && _tokens[from + 1].Is("->"))
        {
            (names, body) = ([Name(_tokens[from])], from + 2);
        }
        else if (_tokens[from].Is("(") && Close(from, to) is var close && close + 1 < to && _tokens[close + 1].Is("->"))
        {
            (names, body) = ([.. Split(from + 1, close).Select(a => Name(_tokens[a.From]))], close + 2);
        }
        else
        {
            return Range(from, to);
        }

        var fresh = names.Select(n => (Name: n, Written: $"l{_lambdas++}_{n}")).ToList();
        return $"lambda {string.Join(", ", fresh.Select(f => f.Written))}: {Bound(fresh, body, to)}";
    }

    private string ZipWith(List<(int From, int To)> arguments)
    {
        var close = Close(arguments[2].From, arguments[2].To);
        var pair = $"l{_lambdas++}_pair";
        var names = Split(arguments[2].From + 1, close).Select((a, n) => (Name(_tokens[a.From]), $"{pair}[{n + 1}]")).ToList();
        return $"list_transform(list_zip({Range(arguments[0].From, arguments[0].To)}, {Range(arguments[1].From, arguments[1].To)}), lambda {pair}: {Bound(names, close + 2, arguments[2].To)})";
    }

    private string Bound(List<(string Name, string Written)> names, int from, int to)
    {
        var before = names.Select(n => (n.Name, Value: _bound.GetValueOrDefault(n.Name))).ToList();
        names.ForEach(n => _bound[n.Name] = n.Written);
        var body = Range(from, to);
        foreach (var (name, value) in before)
        {
            if (value is null)
            {
                _bound.Remove(name);
            }
            else
            {
                _bound[name] = value;
            }
        }

        return body;
    }

    private string Cast(string word, int from, int to)
    {
        var depth = 0;
        for (var i = from; i < to; i++)
        {
            depth += _tokens[i].Is("(") ? 1 : _tokens[i].Is(")") ? -1 : 0;
            if (depth == 0 && _tokens[i].Is("AS"))
            {
                var (value, type) = (Range(from, i), Type(i + 1, to));
                return type == "VARCHAR" ? $"trino.varchar({value})" : $"{word}({value} AS {type})";
            }
        }

        throw Unexpected(_tokens[to]);
    }

    private string Type(int from, int to)
    {
        var written = TrinoToken.Join(_tokens[from..to]).Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant();
        if (written.StartsWith("DECIMAL(", StringComparison.Ordinal))
        {
            return written;
        }

        if (written.StartsWith("ARRAY(", StringComparison.Ordinal))
        {
            return Type(from + 2, to - 1) + "[]";
        }

        if (written.EndsWith("WITHTIMEZONE", StringComparison.Ordinal))
        {
            return "TIMESTAMPTZ";
        }

        return Types.TryGetValue(_tokens[from].Value, out var type) && (to == from + 1 || _tokens[from + 1].Is("(")) ? type : throw TrinoToken.Error(_sql, _tokens[from].At, $"Unknown type: {written.ToLowerInvariant()}");
    }

    private static string? Typed(TrinoToken type, TrinoToken literal) => type.Value.ToUpperInvariant() switch
    {
        "DATE" or "TIMESTAMP" or "TIME" => $"{type.Value} {literal.Value}",
        "DOUBLE" or "REAL" or "BIGINT" or "INTEGER" or "SMALLINT" or "TINYINT" or "VARCHAR" => $"CAST({literal.Value} AS {type.Value})",
        "DECIMAL" => Decimal(literal.Value),
        _ => null,
    };

    private static string Decimal(string literal)
    {
        var digits = literal.Trim('\'').TrimStart('-').Split('.');
        var scale = digits.Length > 1 ? digits[1].Length : 0;
        return string.Create(CultureInfo.InvariantCulture, $"CAST({literal} AS DECIMAL({Math.Max(1, digits[0].TrimStart('0').Length) + scale},{scale}))");
    }

    /// <summary>The arguments between parentheses.</summary>
    private List<(int From, int To)> Split(int from, int to)
    {
        List<(int, int)> parts = [];
        var (depth, start) = (0, from);
        for (var i = from; i < to; i++)
        {
            depth += _tokens[i].Is("(") || _tokens[i].Is("[") ? 1 : _tokens[i].Is(")") || _tokens[i].Is("]") ? -1 : 0;
            if (depth == 0 && _tokens[i].Is(","))
            {
                parts.Add((start, i));
                start = i + 1;
            }
        }

        if (start < to)
        {
            parts.Add((start, to));
        }

        return parts;
    }

    /// <summary>The token that closes the one at a place.</summary>
    private int Close(int open, int to)
    {
        var depth = 0;
        for (var i = open; i < to; i++)
        {
            depth += _tokens[i].Is("(") || _tokens[i].Is("[") ? 1 : _tokens[i].Is(")") || _tokens[i].Is("]") ? -1 : 0;
            if (depth == 0)
            {
                return i;
            }
        }

        throw TrinoToken.Error(_sql, _sql.Length, "mismatched input '<EOF>'");
    }

    private TrinoToken At(int index, int to) => index < to ? _tokens[index] : default;

    private bool Follows(int index, string word) => index > 0 && _tokens[index - 1].Is(word);

    private string Take(ref int i, int count)
    {
        var text = TrinoToken.Join(_tokens.GetRange(i, count));
        i += count - 1;
        return text;
    }

    private static string Name(TrinoToken token) => token.Kind == TokenKind.Quoted ? TrinoToken.Unquote(token.Value) : token.Value;

    private TrinoSyntaxException Unexpected(TrinoToken token) => TrinoToken.Error(_sql, token.At, $"mismatched input '{token.Value}'");
}
