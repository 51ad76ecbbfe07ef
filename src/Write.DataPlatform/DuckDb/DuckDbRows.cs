using DuckDB.NET.Data;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.DuckDb;

internal static class DuckDbRows
{
    /// <summary>Appends a value of one of the <see cref="ColumnKind"/>s.</summary>
    public static void Append(this IDuckDBAppenderRow row, object? value)
    {
        switch (value)
        {
            case null:
                row.AppendNullValue();
                break;
            case string text:
                row.AppendValue(text);
                break;
            case long number:
                row.AppendValue(number);
                break;
            case double number:
                row.AppendValue(number);
                break;
            case decimal number:
                row.AppendValue(number);
                break;
            case bool flag:
                row.AppendValue(flag);
                break;
            case DateOnly date:
                row.AppendValue(date);
                break;
            case DateTime time:
                row.AppendValue(time);
                break;
            default:
                throw new InvalidOperationException($"A lake gives no {value.GetType().Name}.");
        }
    }
}
