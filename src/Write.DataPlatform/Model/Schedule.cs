using Cronos;

namespace Write.DataPlatform.Model;

/// <summary>When something is done, by a cron expression on the clock of a zone.</summary>
/// <param name="Cron">Five fields, or six with seconds first.</param>
/// <param name="TimeZone">The zone of <paramref name="Cron"/>.</param>
public sealed record Schedule(string Cron, TimeZoneInfo TimeZone)
{
    /// <summary>The first tick after a moment; null if none comes.</summary>
    public DateTimeOffset? Next(DateTimeOffset after) => Parse(Cron).GetNextOccurrence(after, TimeZone);

    /// <summary>A cron expression of five fields, or of six.</summary>
    /// <exception cref="CronFormatException">It is none.</exception>
    internal static CronExpression Parse(string cron) =>
        CronExpression.Parse(cron, cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);

    /// <summary>Why a text is no cron expression; null if it is one.</summary>
    internal static string? ProblemOf(string cron)
    {
        try
        {
            Parse(cron);
            return null;
        }
        catch (CronFormatException exception)
        {
            return exception.Message;
        }
    }
}
