using System.Globalization;
using System.Text;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>Writes values into statements: the boundary that no value gets past as text of the statement.</summary>
/// <remarks>
/// Athena takes the values of placeholders as SQL literals of at most 1,024 characters and only in some places, so the caller quotes either way;
/// here each placeholder is replaced by its literal, which has neither limit.
/// </remarks>
internal static class AthenaLiterals
{
    /// <summary>The statement with its placeholders filled in. Question marks in quotes and comments are none.</summary>
    /// <exception cref="LakeException">The number of values is another one than that of placeholders, or one has no literal.</exception>
    public static string Inline(SqlStatement statement)
    {
        var sql = statement.Text;
        var text = new StringBuilder(sql.Length + (statement.Parameters.Length * 16));
        var used = 0;
        for (var i = 0; i < sql.Length;)
        {
            var end = EndOfOpaque(sql, i);
            if (end > i)
            {
                text.Append(sql, i, end - i);
                i = end;
                continue;
            }

            if (sql[i] == '?')
            {
                if (used == statement.Parameters.Length)
                {
                    throw new LakeException($"The statement has more placeholders than its {used} values.", isTransient: false);
                }

                text.Append(Of(statement.Parameters[used++]));
            }
            else
            {
                text.Append(sql[i]);
            }

            i++;
        }

        return used == statement.Parameters.Length
            ? text.ToString()
            : throw new LakeException($"The statement has {used} placeholders and {statement.Parameters.Length} values.", isTransient: false);
    }

    /// <summary>A value as a typed literal.</summary>
    /// <exception cref="LakeException">The type has no literal, or the text holds a null character or half a character.</exception>
    public static string Of(object? value) => value switch
    {
        null or DBNull => "NULL",
        string text => Text(text),
        char letter => Text(letter.ToString()),
        bool flag => flag ? "TRUE" : "FALSE",
        sbyte or byte or short or ushort or int or uint or long => $"BIGINT '{Convert.ToString(value, CultureInfo.InvariantCulture)}'",
        ulong number => $"BIGINT '{(number <= long.MaxValue ? number.ToString(CultureInfo.InvariantCulture) : throw Unfit(value))}'",
        float number => Number(number),
        double number => Number(number),
        decimal number => Number(number),
        DateOnly date => $"DATE '{date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}'",
        DateTime time => Moment(time.Kind == DateTimeKind.Local ? time.ToUniversalTime() : time),
        DateTimeOffset time => Moment(time.UtcDateTime),
        Guid id => $"CAST('{id:D}' AS UUID)",
        byte[] bytes => $"X'{Convert.ToHexString(bytes)}'",
        _ => throw Unfit(value),
    };

    /// <summary>A text: its quotes are doubled, and nothing else in it means anything.</summary>
    private static string Text(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0' || (char.IsSurrogate(text[i]) && !(char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[++i]))))
            {
                throw new LakeException($"A text value has a null character or half a character at position {i}.", isTransient: false);
            }
        }

        return "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
    }

    private static string Number(double number) =>
        double.IsNaN(number) ? "nan()"
        : double.IsPositiveInfinity(number) ? "infinity()"
        : double.IsNegativeInfinity(number) ? "(-infinity())"
        : $"DOUBLE '{number.ToString("R", CultureInfo.InvariantCulture)}'";

    // Its digits say its precision and scale; a point makes it no integer, and the brackets keep "-" from becoming half of a comment.
    private static string Number(decimal number)
    {
        var digits = number.ToString(CultureInfo.InvariantCulture);
        digits = digits.Contains('.', StringComparison.Ordinal) ? digits : digits + ".";
        return number < 0 ? $"({digits})" : digits;
    }

    private static string Moment(DateTime time) => time.Ticks % TimeSpan.TicksPerMicrosecond == 0
        ? $"TIMESTAMP '{time.ToString(time.Ticks % TimeSpan.TicksPerMillisecond == 0 ? "yyyy-MM-dd HH:mm:ss.fff" : "yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture)}'"
        : $"TIMESTAMP '{time.ToString("yyyy-MM-dd HH:mm:ss.fffffff", CultureInfo.InvariantCulture)}'";

    private static LakeException Unfit(object value) => new($"A value of type {value.GetType().Name} has no literal in Athena.", isTransient: false);

    /// <summary>Where the quoted text, the quoted name or the comment that starts here ends; the same place if none does.</summary>
    private static int EndOfOpaque(string sql, int at)
    {
        switch (sql[at])
        {
            case '\'' or '"':
                // A doubled quote is two neighbours, each with its own end, which comes to the same.
                var quote = sql.IndexOf(sql[at], at + 1);
                return quote < 0 ? throw new LakeException($"The statement has a {sql[at]} without its end.", isTransient: false) : quote + 1;
            case '-' when at + 1 < sql.Length && sql[at + 1] == '-':
                var line = sql.AsSpan(at).IndexOfAny('\n', '\r');
                return line < 0 ? sql.Length : at + line;
            case '/' when at + 1 < sql.Length && sql[at + 1] == '*':
                var close = sql.IndexOf("*/", at + 2, StringComparison.Ordinal);
                return close < 0 ? throw new LakeException("The statement has a comment without its end.", isTransient: false) : close + 2;
            default:
                return at;
        }
    }
}
