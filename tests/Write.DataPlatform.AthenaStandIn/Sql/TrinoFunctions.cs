namespace Write.DataPlatform.AthenaStandIn.Sql;

/// <summary>Trino's functions in DuckDB's words. A function that is not here does not exist.</summary>
internal static class TrinoFunctions
{
    /// <summary>Of the same name and meaning.</summary>
    private static readonly HashSet<string> Same = new(StringComparer.OrdinalIgnoreCase)
    {
        "sum", "min", "max", "count", "avg", "coalesce", "nullif", "abs", "floor", "ceiling", "ceil", "round", "sqrt", "cbrt", "ln", "log2", "log10", "exp", "sign", "mod", "radians", "degrees",
        "sin", "cos", "tan", "lower", "upper", "length", "replace", "reverse", "trim", "ltrim", "rtrim", "concat", "starts_with", "chr", "translate", "concat_ws",
        "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lead", "lag", "first_value", "last_value", "nth_value", "any_value", "bool_and", "bool_or", "min_by", "max_by",
        "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr", "covar_pop", "covar_samp", "year", "quarter", "month", "day", "hour", "minute", "second", "week", "now", "grouping", "try",
    };

    /// <summary>Of the same meaning under another name.</summary>
    private static readonly Dictionary<string, string> Renamed = new(StringComparer.OrdinalIgnoreCase)
    {
        ["arbitrary"] = "any_value",
        ["power"] = "pow",
        ["pow"] = "pow",
        ["every"] = "bool_and",
        ["count_if"] = "count_if",
        ["array_agg"] = "list",
        ["array_distinct"] = "list_distinct",
        ["array_join"] = "array_to_string",
        ["array_max"] = "list_max",
        ["array_min"] = "list_min",
        ["array_sort"] = "trino.array_sort",
        ["cardinality"] = "len",
        ["contains"] = "list_contains",
        ["flatten"] = "flatten",
        ["element_at"] = "trino.element_at",
        ["slice"] = "trino.slice",
        ["sequence"] = "trino.sequence",
        ["split"] = "string_split",
        ["strpos"] = "instr",
        ["rpad"] = "trino.rpad",
        ["lpad"] = "trino.lpad",
        ["is_finite"] = "isfinite",
        ["is_nan"] = "isnan",
        ["is_infinite"] = "isinf",
        ["day_of_week"] = "isodow",
        ["dow"] = "isodow",
        ["day_of_month"] = "day",
        ["day_of_year"] = "dayofyear",
        ["doy"] = "dayofyear",
        ["week_of_year"] = "week",
        ["year_of_week"] = "isoyear",
        ["yow"] = "isoyear",
        ["typeof"] = "trino.typeof",
        ["to_utf8"] = "encode",
        ["from_utf8"] = "decode",
        ["to_hex"] = "hex",
        ["from_hex"] = "unhex",
        ["to_base"] = "to_base",
        ["from_base"] = "trino.from_base",
        ["approx_distinct"] = "approx_count_distinct",
        ["regexp_like"] = "regexp_matches",
    };

    private static readonly Dictionary<string, Func<string[], string>> Written = new(StringComparer.OrdinalIgnoreCase)
    {
        ["if"] = a => a.Length == 2 ? $"CASE WHEN {a[0]} THEN {a[1]} END" : $"CASE WHEN {a[0]} THEN {a[1]} ELSE {a[2]} END",
        ["date"] = a => $"CAST({a[0]} AS DATE)",
        ["md5"] = a => $"unhex(md5({a[0]}))",
        ["sha256"] = a => $"unhex(sha256({a[0]}))",
        ["greatest"] = a => $"CASE WHEN {string.Join(" OR ", a.Select(x => $"({x}) IS NULL"))} THEN NULL ELSE greatest({string.Join(", ", a)}) END",
        ["least"] = a => $"CASE WHEN {string.Join(" OR ", a.Select(x => $"({x}) IS NULL"))} THEN NULL ELSE least({string.Join(", ", a)}) END",
        ["with_timezone"] = a => $"timezone({a[1]}, {a[0]})",
        ["at_timezone"] = a => $"timezone({a[1]}, {a[0]})",
        ["from_unixtime"] = a => $"to_timestamp({a[0]})",
        ["to_unixtime"] = a => $"(epoch_us({a[0]}) / CAST(1000000 AS DOUBLE))",
        ["date_format"] = a => $"strftime({a[0]}, {Mysql(a[1])})",
        ["date_parse"] = a => $"strptime({a[0]}, {Mysql(a[1])})",
        ["date_add"] = a => $"trino.add_{Unit(a[0])}({a[1]}, {a[2]})",
        ["date_trunc"] = a => $"trino.trunc_{Unit(a[0])}({a[1]})",
        ["date_diff"] = a => $"trino.diff_{Unit(a[0])}({a[1]}, {a[2]})",
        ["bitwise_and"] = a => $"(({a[0]}) & ({a[1]}))",
        ["bitwise_or"] = a => $"(({a[0]}) | ({a[1]}))",
        ["bitwise_xor"] = a => $"xor({a[0]}, {a[1]})",
        ["approx_percentile"] = a => $"approx_quantile({a[0]}, {a[1]})",
        ["split_part"] = a => $"nullif(split_part({string.Join(", ", a)}), '')",
        ["regexp_replace"] = a => $"regexp_replace({a[0]}, {a[1]}, {(a.Length > 2 ? a[2].Replace('$', '\\') : "''")}, 'g')",
        ["regexp_extract"] = a => $"nullif(regexp_extract({string.Join(", ", a)}), '')",
        ["substr"] = Substring,
        ["substring"] = Substring,
        ["filter"] = a => $"list_filter({a[0]}, {a[1]})",
        ["transform"] = a => $"list_transform({a[0]}, {a[1]})",
        ["any_match"] = a => $"list_bool_or(list_transform({a[0]}, {a[1]}))",
        ["reduce"] = a => $"list_transform([list_reduce({a[0]}, {a[2]}, {a[1]})], {a[3]})[1]",
        ["infinity"] = _ => "CAST('inf' AS DOUBLE)",
        ["nan"] = _ => "CAST('nan' AS DOUBLE)",
        ["row"] = a => $"row({string.Join(", ", a)})",
        ["map"] = a => $"map({string.Join(", ", a)})",
    };

    /// <exception cref="TrinoFunctionException">There is no such function.</exception>
    public static string Call(string name, string[] arguments) =>
        Written.TryGetValue(name, out var write) ? write(arguments)
        : Renamed.TryGetValue(name, out var renamed) ? $"{renamed}({string.Join(", ", arguments)})"
        : Same.Contains(name) ? $"{name}({string.Join(", ", arguments)})"
        : throw new TrinoFunctionException($"line 1:1: Function '{name.ToLowerInvariant()}' not registered");

    private static string Unit(string literal) =>
        literal.Trim('\'').ToLowerInvariant() is var unit && TrinoMacros.HasUnit(unit) ? unit : throw new TrinoFunctionException($"line 1:1: {literal} is not a valid Timestamp field");

    private static string Substring(string[] a) => $"trino.substr({a[0]}, {a[1]}, {(a.Length > 2 ? a[2] : "2147483647")})";

    private static string Mysql(string format) => format.Replace("%i", "%M", StringComparison.Ordinal).Replace("%s", "%S", StringComparison.Ordinal).Replace("%k", "%-H", StringComparison.Ordinal);
}
