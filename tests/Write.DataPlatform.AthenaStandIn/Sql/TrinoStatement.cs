namespace Write.DataPlatform.AthenaStandIn.Sql;

/// <summary>A statement with its parameters in place: a SELECT, or the one inside an UNLOAD.</summary>
/// <param name="Select">The SELECT.</param>
/// <param name="UnloadTo">Where its rows go; null for a result.</param>
internal sealed record TrinoStatement(string Select, string? UnloadTo)
{
    private static readonly string[] Typed = ["DATE", "TIMESTAMP", "TIME", "DECIMAL", "DOUBLE", "BIGINT", "INTEGER", "VARCHAR"];

    /// <exception cref="TrinoSyntaxException">It is neither.</exception>
    public static TrinoStatement Parse(string query, IReadOnlyList<string> parameters)
    {
        var sql = Bind(query, parameters);
        var tokens = TrinoToken.Read(sql);
        if (tokens.Count == 0)
        {
            throw TrinoToken.Error(sql, 0, "mismatched input '<EOF>'");
        }

        if (!tokens[0].Is("UNLOAD"))
        {
            return tokens[0].Is("SELECT") || tokens[0].Is("WITH") || tokens[0].Is("VALUES") || tokens[0].Is("(")
                ? new TrinoStatement(sql, null)
                : throw TrinoToken.Error(sql, 0, $"mismatched input '{tokens[0].Value}'. Expecting: 'SELECT', 'UNLOAD', 'VALUES', 'WITH', <query>");
        }

        var (depth, close) = (0, 1);
        for (; close < tokens.Count; close++)
        {
            depth += tokens[close].Is("(") ? 1 : tokens[close].Is(")") ? -1 : 0;
            if (depth == 0)
            {
                break;
            }
        }

        if (close + 4 >= tokens.Count || !tokens[1].Is("(") || !tokens[close + 1].Is("TO") || tokens[close + 2].Kind != TokenKind.Text || !tokens[close + 3].Is("WITH"))
        {
            throw TrinoToken.Error(sql, 0, "mismatched input. Expecting: UNLOAD (<query>) TO '<location>' WITH (<property> = <value>, …)");
        }

        var options = Options(sql, tokens[(close + 4)..]);
        var compression = options.GetValueOrDefault("compression", "gzip");
        return options.GetValueOrDefault("format") is { } format && format.Equals("PARQUET", StringComparison.OrdinalIgnoreCase)
            && options.Keys.All(k => k is "format" or "compression") && compression.ToLowerInvariant() is "zstd" or "snappy" or "gzip" or "none"
            ? new TrinoStatement(sql[(tokens[1].At + 1)..tokens[close].At], TrinoToken.Unquote(tokens[close + 2].Value))
            : throw TrinoToken.Error(sql, tokens[close + 3].At, "The stand-in unloads Parquet alone, with the options format and compression");
    }

    private static Dictionary<string, string> Options(string sql, List<TrinoToken> tokens)
    {
        var options = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 1; i + 2 < tokens.Count; i += 4)
        {
            if (tokens[i].Kind != TokenKind.Word || !tokens[i + 1].Is("=") || tokens[i + 2].Kind != TokenKind.Text)
            {
                throw TrinoToken.Error(sql, tokens[i].At, $"mismatched input '{tokens[i].Value}'. Expecting: <property> = '<value>'");
            }

            options[tokens[i].Value] = TrinoToken.Unquote(tokens[i + 2].Value);
        }

        return options;
    }

    private static string Bind(string query, IReadOnlyList<string> parameters)
    {
        var marks = TrinoToken.Read(query).Where(t => t.Is("?")).ToList();
        if (marks.Count != parameters.Count)
        {
            throw TrinoToken.Error(query, 0, $"Incorrect number of parameters: expected {marks.Count} but found {parameters.Count}");
        }

        for (var i = marks.Count - 1; i >= 0; i--)
        {
            if (!IsLiteral(TrinoToken.Read(parameters[i])))
            {
                throw TrinoToken.Error(query, marks[i].At, $"The parameter {parameters[i]} is no literal");
            }

            query = query[..marks[i].At] + parameters[i] + query[(marks[i].At + 1)..];
        }

        return query;
    }

    /// <summary>Parameters stand in the statement as they are, so that text needs its quotes.</summary>
    private static bool IsLiteral(List<TrinoToken> tokens) => tokens switch
    {
        [{ Kind: TokenKind.Text or TokenKind.Number }] => true,
        [{ Kind: TokenKind.Symbol, Value: "-" or "+" }, { Kind: TokenKind.Number }] => true,
        [{ Kind: TokenKind.Word } word] => word.Is("TRUE") || word.Is("FALSE") || word.Is("NULL"),
        [{ Kind: TokenKind.Word } type, { Kind: TokenKind.Text }] => Typed.Contains(type.Value, StringComparer.OrdinalIgnoreCase),
        _ => false,
    };
}
