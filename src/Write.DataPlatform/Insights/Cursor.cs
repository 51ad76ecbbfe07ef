using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>Where an answer went to, so that its next page goes on there.</summary>
/// <param name="Query">The query, the tenant with it, as a hash.</param>
/// <param name="Model">The model's revision as a hash.</param>
/// <param name="Served">The gold tables and the lake that answered, as a hash.</param>
/// <param name="Now">When the first page was asked for; relative ranges end there on every page.</param>
/// <param name="After">The last row's values in the query's order.</param>
internal sealed record Cursor(string Query, string Model, string Served, DateTimeOffset Now, ImmutableArray<object?> After)
{
    private const string Path = "cursor";
    private const byte Version = 1;

    /// <summary>Refuses a cursor that belongs to another query, or to a model that is gone.</summary>
    /// <exception cref="QueryException">It does.</exception>
    public void Check(MetricQuery query, string modelRevision)
    {
        if (Query != HashOf(query))
        {
            throw new QueryException([new QueryProblem(QueryProblems.CursorOfOtherQuery, "The cursor was given for another query.", Path, "Ask the same query that gave it, or leave it out to begin with the first page.")]);
        }

        if (Model != FilterText.Fingerprint(modelRevision))
        {
            throw Expired("The model has changed since the first page.");
        }
    }

    /// <summary>Refuses a cursor whose rows were given by what has changed since.</summary>
    /// <exception cref="QueryException">It has.</exception>
    public void Check(QueryPlan plan)
    {
        if (Served != HashOf(plan) || After.Length != plan.Resolved.Order.Length)
        {
            throw Expired("The data has changed since the first page.");
        }
    }

    /// <summary>The cursor after a row.</summary>
    public static Cursor AfterRow(MetricQuery query, QueryPlan plan, DateTimeOffset now, ResultRows rows, object?[] last)
    {
        var places = plan.Resolved.Order.Select(o => rows.Columns.ToList().FindIndex(c => c.Name == o.Field));
        return new Cursor(HashOf(query), FilterText.Fingerprint(plan.Resolved.Model.Revision), HashOf(plan), now, [.. places.Select(i => last[i])]);
    }

    public static QueryException Bad() =>
        new([new QueryProblem(QueryProblems.BadCursor, "This is no cursor of this server: it was cut or changed, or another server gave it.", Path, "Leave it out to begin with the first page.")]);

    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Version);
        writer.Write(Query);
        writer.Write(Model);
        writer.Write(Served);
        writer.Write(Now.UtcTicks);
        writer.Write7BitEncodedInt(After.Length);
        foreach (var value in After)
        {
            writer.Write(value switch { null => '0', string => 's', bool => 'b', long => 'i', double => 'd', decimal => 'm', DateOnly => 'D', DateTime => 'T', _ => throw new InvalidOperationException($"No column holds {value.GetType().Name}.") });
            writer.Write(value switch
            {
                null => "",
                DateOnly date => date.DayNumber.ToString(CultureInfo.InvariantCulture),
                DateTime time => time.Ticks.ToString(CultureInfo.InvariantCulture),
                double number => number.ToString("R", CultureInfo.InvariantCulture),
                _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
            });
        }

        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote; null if it is of another version.</summary>
    public static Cursor? FromBytes(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        if (reader.ReadByte() != Version)
        {
            return null;
        }

        var (query, model, served) = (reader.ReadString(), reader.ReadString(), reader.ReadString());
        var now = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero);
        var after = new object?[reader.Read7BitEncodedInt()];
        for (var i = 0; i < after.Length; i++)
        {
            var (kind, text) = (reader.ReadChar(), reader.ReadString());
            after[i] = kind switch
            {
                's' => text,
                'b' => bool.Parse(text),
                'i' => long.Parse(text, CultureInfo.InvariantCulture),
                'd' => double.Parse(text, CultureInfo.InvariantCulture),
                'm' => decimal.Parse(text, CultureInfo.InvariantCulture),
                'D' => DateOnly.FromDayNumber(int.Parse(text, CultureInfo.InvariantCulture)),
                'T' => new DateTime(long.Parse(text, CultureInfo.InvariantCulture), DateTimeKind.Utc),
                _ => null,
            };
        }

        return new Cursor(query, model, served, now, [.. after]);
    }

    private static QueryException Expired(string why) =>
        new([new QueryProblem(QueryProblems.CursorExpired, why + " Its pages would not fit together.", Path, "Leave the cursor out to begin with the first page.")], isUnanswerable: true);

    private static string HashOf(MetricQuery query) => FilterText.Fingerprint(QueryText.Of(query));

    private static string HashOf(QueryPlan plan) => FilterText.Fingerprint(string.Join('\n', plan.Leaves.SelectMany(l => l.Pieces.Select(
        p => p.Range + (p.Gold is { } gold ? $"{gold.Definition.Table.Name}@{gold.Tenant}@{gold.Revision}{l.TailOf(p)?.Tag}" : "")))));
}
