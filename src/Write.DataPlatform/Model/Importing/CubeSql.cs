using System.Text.RegularExpressions;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Importing;

/// <summary>The SQL of a cube's members: its references in braces become what they stand for, or it is refused.</summary>
internal static partial class CubeSql
{
    /// <summary>An expression over the cube's own table; null if it reaches beyond it.</summary>
    /// <param name="sql">The text of the member.</param>
    /// <param name="cube">The cube's name as it was written.</param>
    /// <param name="member">The SQL of another dimension of the cube; null if there is none that can be read.</param>
    public static string? OfColumns(string sql, string cube, Func<string, string?> member)
    {
        var isGood = true;
        var text = Own(cube).Replace(sql, "");
        text = Reference().Replace(text, match =>
        {
            var found = OwnMember(match.Groups[1].Value, cube) is { } name ? member(name) : null;
            isGood &= found is not null;
            return found is null ? "" : IsName(found) ? found : $"({found})";
        });
        return isGood && IsPlain(text) ? text.Trim() : null;
    }

    /// <summary>The expression of a dimension's <c>case</c>; null if one of its parts is none, or none over the cube's own table.</summary>
    /// <param name="cases">What is written.</param>
    /// <param name="cube">The cube's name as it was written.</param>
    /// <param name="member">The SQL of another dimension of the cube; null if there is none that can be read.</param>
    public static string? OfCases(CubeMap cases, string cube, Func<string, string?> member)
    {
        var parts = new List<string>();
        if (!cases.IsMaps("when") || !cases.IsMap("else"))
        {
            return null;
        }

        foreach (var when in cases.Maps("when"))
        {
            if (when.Text("sql") is not { } sql || OfColumns(sql, cube, member) is not { } condition || when.Raw("label") is not WrittenScalar label)
            {
                return null;
            }

            parts.Add($"WHEN {condition} THEN {Literal(label.Value)}");
        }

        var otherwise = cases.Map("else") is { } rest ? rest.Raw("label") is WrittenScalar text ? $" ELSE {Literal(text.Value)}" : null : "";
        return parts.Count == 0 || otherwise is null ? null : $"CASE {string.Join(' ', parts)}{otherwise} END";
    }

    /// <summary>An expression over measures, by the names of their metrics; null if it holds anything else.</summary>
    /// <param name="sql">The text of the measure.</param>
    /// <param name="cube">The cube's name as it was written.</param>
    /// <param name="metric">The metric of a measure; null if there is none.</param>
    /// <param name="used">The metrics that stand in it.</param>
    public static string? OfMeasures(string sql, string cube, Func<string, string?> metric, out IReadOnlyList<string> used)
    {
        var found = new List<string>();
        var isGood = true;
        var text = Reference().Replace(sql, match =>
        {
            var name = OwnMember(match.Groups[1].Value, cube) is { } own ? metric(own) : null;
            isGood &= name is not null;
            if (name is not null && !found.Contains(name))
            {
                found.Add(name);
            }

            return name ?? "";
        });
        used = found;

        // What is left between the references must not look at rows.
        return isGood && found.Count > 0 && IsPlain(text) && !Aggregate().IsMatch(text) ? text.Trim() : null;
    }

    /// <summary>Whether an expression names a member of another cube.</summary>
    public static bool NamesOthers(string sql, string cube) => Reference().Matches(sql).Any(match => OwnMember(match.Groups[1].Value, cube) is null);

    /// <summary>The two sides of <c>{CUBE}.customer_id = {customers.id}</c>; null for any other condition.</summary>
    public static (CubeSide Left, CubeSide Right)? Equality(string sql, string cube)
    {
        var match = JoinCondition().Match(sql.Trim());
        return match.Success ? (Side("l"), Side("r")) : null;

        CubeSide Side(string side)
        {
            var (of, member) = (match.Groups[side + "c"].Value, match.Groups[side + "m"]);
            return new CubeSide(of == "CUBE" ? cube : of, member.Success ? member.Value : match.Groups[side + "r"].Value, member.Success);
        }
    }

    /// <summary>The table of a cube whose <c>sql</c> reads all of one; null for any other query.</summary>
    public static string? TableOf(string sql) => WholeTable().Match(sql) is { Success: true } match ? match.Groups[1].Value : null;

    public static bool IsName(string text) => Identifier().IsMatch(text);

    /// <summary>The name of a member of the cube itself; null for one of another.</summary>
    private static string? OwnMember(string reference, string cube) =>
        reference.Split('.') switch
        {
            [var own] => own,
            [var of, var own] when of == "CUBE" || of == cube => own,
            _ => null,
        };

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static bool IsPlain(string text) => text.IndexOfAny(['{', '}', ';']) < 0 && !text.Contains("--", StringComparison.Ordinal) && !CubeWord().IsMatch(text);

    private static Regex Own(string cube) => new($@"\$?\{{(?:CUBE|{Regex.Escape(cube)})\}}\.", RegexOptions.CultureInvariant);

    [GeneratedRegex(@"\$?\{([A-Za-z_][A-Za-z0-9_.]*)\}")]
    private static partial Regex Reference();

    [GeneratedRegex(@"\b(sum|count|avg|min|max|median|approx_\w+|percentile\w*|stddev\w*|var\w*|string_agg|array_agg|over)\s*\(", RegexOptions.IgnoreCase)]
    private static partial Regex Aggregate();

    [GeneratedRegex(@"^\$?\{(?<lc>\w+)(?:\}\.(?<lr>\w+)|\.(?<lm>\w+)\})\s*=\s*\$?\{(?<rc>\w+)(?:\}\.(?<rr>\w+)|\.(?<rm>\w+)\})$")]
    private static partial Regex JoinCondition();

    [GeneratedRegex(@"^\s*select\s+\*\s+from\s+([A-Za-z_][\w.]*)\s*;?\s*$", RegexOptions.IgnoreCase)]
    private static partial Regex WholeTable();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*$")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"\bCUBE\b|\b(FILTER_PARAMS|SECURITY_CONTEXT|SQL_UTILS|COMPILE_CONTEXT)\b")]
    private static partial Regex CubeWord();
}

/// <summary>A side of a join's condition.</summary>
/// <param name="Cube">The cube.</param>
/// <param name="Name">What of it.</param>
/// <param name="IsMember">Whether that is a dimension (<c>{CUBE.name}</c>) and not a column of the table (<c>{CUBE}.name</c>).</param>
internal readonly record struct CubeSide(string Cube, string Name, bool IsMember);
