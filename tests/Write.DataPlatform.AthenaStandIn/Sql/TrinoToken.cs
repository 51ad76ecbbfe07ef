using System.Text;

namespace Write.DataPlatform.AthenaStandIn.Sql;

/// <summary>The text is not Trino's SQL; Athena says so before it runs.</summary>
internal sealed class TrinoSyntaxException(string message) : Exception(message);

/// <summary>A function or type that Trino has not, or the stand-in does not know; Athena's query fails.</summary>
internal sealed class TrinoFunctionException(string message) : Exception(message);

internal enum TokenKind
{
    Word,
    Quoted,
    Text,
    Number,
    Symbol,
}

/// <summary>A token.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">As it is written.</param>
/// <param name="At">Where it starts.</param>
internal readonly record struct TrinoToken(TokenKind Kind, string Value, int At)
{
    private static readonly string[] Symbols = ["->", "<>", "!=", "<=", ">=", "||", "(", ")", "[", "]", ",", ".", "=", "<", ">", "+", "-", "*", "/", "%", "?", ";"];

    public bool Is(string text) => Kind is TokenKind.Word or TokenKind.Symbol && string.Equals(Value, text, StringComparison.OrdinalIgnoreCase);

    /// <exception cref="TrinoSyntaxException">A character that Trino has no use for.</exception>
    public static List<TrinoToken> Read(string sql)
    {
        List<TrinoToken> tokens = [];
        var i = 0;
        while (i < sql.Length)
        {
            var start = i;
            var c = sql[i];
            if (char.IsWhiteSpace(c))
            {
                i++;
                continue;
            }

            if (c == '-' && sql.AsSpan(i).StartsWith("--"))
            {
                i = sql.IndexOf('\n', i) is >= 0 and var end ? end : sql.Length;
                continue;
            }

            if (c is '\'' or '"')
            {
                do
                {
                    i = sql.IndexOf(c, i + 1) is >= 0 and var end ? end + 1 : throw Error(sql, start, "unterminated literal");
                }
                while (i < sql.Length && sql[i] == c);
                tokens.Add(new TrinoToken(c == '"' ? TokenKind.Quoted : TokenKind.Text, sql[start..i], start));
            }
            else if (char.IsAsciiLetter(c) || c == '_')
            {
                while (i < sql.Length && (char.IsAsciiLetterOrDigit(sql[i]) || sql[i] == '_'))
                {
                    i++;
                }

                tokens.Add(new TrinoToken(TokenKind.Word, sql[start..i], start));
            }
            else if (char.IsAsciiDigit(c))
            {
                while (i < sql.Length && (char.IsAsciiDigit(sql[i]) || sql[i] == '.'))
                {
                    i++;
                }

                if (i < sql.Length && sql[i] is 'e' or 'E')
                {
                    i += i + 1 < sql.Length && sql[i + 1] is '+' or '-' ? 2 : 1;
                    while (i < sql.Length && char.IsAsciiDigit(sql[i]))
                    {
                        i++;
                    }
                }

                tokens.Add(new TrinoToken(TokenKind.Number, sql[start..i], start));
            }
            else
            {
                // A colon would be a part of DuckDB's casts and slices, a brace of its structs, a dollar of its parameters.
                var symbol = Array.Find(Symbols, s => string.CompareOrdinal(sql, i, s, 0, s.Length) == 0) ?? throw Error(sql, i, $"extraneous input '{c}'");
                i += symbol.Length;
                tokens.Add(new TrinoToken(TokenKind.Symbol, symbol, start));
            }
        }

        return tokens;
    }

    public static TrinoSyntaxException Error(string sql, int at, string message)
    {
        var before = sql.AsSpan(0, Math.Min(at, sql.Length));
        return new TrinoSyntaxException($"line {before.Count('\n') + 1}:{at - before.LastIndexOf('\n')}: {message}");
    }

    public static string Unquote(string literal) => literal[1..^1].Replace(new string(literal[0], 2), literal[..1], StringComparison.Ordinal);

    public static string Join(IEnumerable<TrinoToken> tokens) => new StringBuilder().AppendJoin(' ', tokens.Select(t => t.Value)).ToString();
}
