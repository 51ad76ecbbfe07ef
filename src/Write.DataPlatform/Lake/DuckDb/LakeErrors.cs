using DuckDB.NET.Data;

namespace Write.DataPlatform.Lake.DuckDb;

internal static class LakeErrors
{
    /// <summary>What went wrong, in one line for people, and whether it may pass.</summary>
    public static LakeException From(Exception exception) => exception switch
    {
        LakeException known => known,
        DuckDBException duck => new LakeException(OneLine(duck.Message), IsTransient(duck.Message), duck),
        IOException or UnauthorizedAccessException => new LakeException(exception.Message, exception is IOException, exception),
        OverflowException or InvalidOperationException or InvalidCastException or ArgumentOutOfRangeException =>
            new LakeException("A value does not fit: " + exception.Message, isTransient: false, exception),
        _ => new LakeException(exception.Message, isTransient: false, exception),
    };

    // The type is in the text only: while a statement is prepared, the exception's own field says no more than that it is invalid.
    private static bool IsTransient(string message) =>
        message.StartsWith("IO Error", StringComparison.Ordinal) || message.StartsWith("Out of Memory Error", StringComparison.Ordinal);

    private static string OneLine(string message)
    {
        var lines = message.Split('\n').Select(line => line.Trim())
            .TakeWhile(line => !line.StartsWith("LINE ", StringComparison.Ordinal) && !line.StartsWith("Possible solutions", StringComparison.Ordinal)
                && !line.StartsWith("Candidate functions", StringComparison.Ordinal) && !line.StartsWith("This can happen", StringComparison.Ordinal))
            .Where(line => line.Length > 0);
        return string.Join(' ', lines);
    }
}
