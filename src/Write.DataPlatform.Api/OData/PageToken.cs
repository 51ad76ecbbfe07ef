using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Insights;

namespace Write.DataPlatform.Api.OData;

/// <summary>Where a read went to, so that its next page goes on there, over the same revision of the same rows.</summary>
/// <param name="Query">The set, the tenant and the options, as a hash.</param>
/// <param name="Model">The model's revision.</param>
/// <param name="Source">The rows: a gold table's revision and definition, or a tag of an answer.</param>
/// <param name="Revision">The gold table's revision; 0 for an answer.</param>
/// <param name="Now">When the first page was asked for.</param>
/// <param name="Given">Rows given before.</param>
/// <param name="Count">How many rows there are, if that was asked.</param>
/// <param name="After">The order's values of the last row given.</param>
internal sealed record PageToken(string Query, string Model, string Source, long Revision, DateTimeOffset Now, long Given, long? Count, ImmutableArray<object?>? After)
{
    /// <summary>Tells a page token from other things that the same key signs.</summary>
    private const byte Mark = (byte)'P';

    private const double SameDigits = 1e-9;

    public string Write(CursorSeal seal)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Mark);
        writer.Write(Query);
        writer.Write(Model);
        writer.Write(Source);
        writer.Write(Revision);
        writer.Write(Now.UtcTicks);
        writer.Write(Given);
        writer.Write(Count ?? -1);
        writer.Write7BitEncodedInt(After?.Length ?? 0xFFFF);
        foreach (var value in After ?? [])
        {
            writer.Write(value switch
            {
                null => '0', string => 's', bool => 'b', long => 'i', double => 'd', decimal => 'm', DateOnly => 'D', DateTime => 'T', TimeOnly => 't',
                _ => throw new InvalidOperationException($"No column holds {value.GetType().Name}."),
            });
            writer.Write(value switch
            {
                null => "",
                DateOnly date => date.DayNumber.ToString(CultureInfo.InvariantCulture),
                DateTime time => time.Ticks.ToString(CultureInfo.InvariantCulture),
                TimeOnly time => time.Ticks.ToString(CultureInfo.InvariantCulture),
                double number => number.ToString("R", CultureInfo.InvariantCulture),
                _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
            });
        }

        writer.Flush();
        return seal.Seal(bytes.ToArray());
    }

    /// <summary>Whether two rows stand at the same place of an order. Sums of floating-point numbers differ in their last digits from one computation to the next.</summary>
    public static bool IsSamePlace(ImmutableArray<object?> one, ImmutableArray<object?> other) => one.Length == other.Length && one.Zip(other).All(p => p switch
    {
        (double a, double b) => Math.Abs(a - b) <= SameDigits * Math.Max(Math.Abs(a), Math.Abs(b)),
        var (a, b) => Equals(a, b),
    });

    /// <exception cref="Rest.ProblemException">400: it is no token of this server, or of another query.</exception>
    public static PageToken Read(CursorSeal seal, string text, string query)
    {
        if (seal.Open(text) is not [Mark, ..] and var other)
        {
            throw Refusal.Bad(other is null ? "The $skiptoken is none of this server: it was cut or changed." : "The $skiptoken is none of this feed.");
        }

        using var reader = new BinaryReader(new MemoryStream(seal.Open(text)!));
        reader.ReadByte();
        var (asked, model, source, revision) = (reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadInt64());
        if (asked != query)
        {
            throw Refusal.Bad("The $skiptoken was given for another request. Follow next links as they are.");
        }

        var now = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero);
        var (given, count, length) = (reader.ReadInt64(), reader.ReadInt64(), reader.Read7BitEncodedInt());
        if (length == 0xFFFF)
        {
            return new PageToken(asked, model, source, revision, now, given, count < 0 ? null : count, null);
        }

        var after = new object?[length];
        for (var i = 0; i < length; i++)
        {
            var (kind, value) = (reader.ReadChar(), reader.ReadString());
            long Whole() => long.Parse(value, CultureInfo.InvariantCulture);
            after[i] = kind switch
            {
                's' => value,
                'b' => bool.Parse(value),
                'i' => Whole(),
                'd' => double.Parse(value, CultureInfo.InvariantCulture),
                'm' => decimal.Parse(value, CultureInfo.InvariantCulture),
                'D' => DateOnly.FromDayNumber((int)Whole()),
                'T' => new DateTime(Whole(), DateTimeKind.Utc),
                't' => new TimeOnly(Whole()),
                _ => null,
            };
        }

        return new PageToken(asked, model, source, revision, now, given, count < 0 ? null : count, [.. after]);
    }
}
