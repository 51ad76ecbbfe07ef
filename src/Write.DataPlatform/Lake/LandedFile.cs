using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace Write.DataPlatform.Lake;

/// <summary>
/// The name of a Parquet file that a stream wrote to the lake: <c>landed.STREAM.SHARD.FROM-TO.parquet</c>, with the events of the shard behind one record up to another, included.
/// Where one file's records are another's too, only the larger is read: so compaction and repetition count nothing twice, at whatever moment a reader looks.
/// </summary>
/// <param name="Stream">The stream.</param>
/// <param name="Shard">The shard.</param>
/// <param name="From">The record that the first one follows; null for the shard's start.</param>
/// <param name="To">The last record.</param>
internal sealed record LandedFile(string Stream, string Shard, LandedPlace? From, LandedPlace To)
{
    private const string Start = "start";

    /// <summary>What the names of a shard's files begin with.</summary>
    public static string Prefix(string stream, string shard) => $"landed.{Escape(stream)}.{Escape(shard)}.";

    /// <summary>The file's name.</summary>
    public string Name => $"{Prefix(Stream, Shard)}{From?.ToString() ?? Start}-{To}.parquet";

    /// <summary>Whether another file of the same shard has all of its records.</summary>
    public bool IsWithin(LandedFile other) => (other.From is not { } from || From >= from) && To <= other.To;

    /// <summary>Reads a file's name.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out LandedFile? file)
    {
        file = null;
        if (name.Split('.') is not ["landed", var stream, var shard, var range, "parquet"] || range.Split('-') is not [var from, var to])
        {
            return false;
        }

        LandedPlace? first = null;
        if ((from != Start && (first = LandedPlace.Parse(from)) is null) || LandedPlace.Parse(to) is not { } last)
        {
            return false;
        }

        file = new LandedFile(Uri.UnescapeDataString(stream), Uri.UnescapeDataString(shard), first, last);
        return true;
    }

    /// <summary>The files whose records no other of them has all of, in no order.</summary>
    public static IEnumerable<T> WithoutCovered<T>(IReadOnlyCollection<T> files, Func<T, string> path)
    {
        var landed = new List<(T File, LandedFile Name)>();
        foreach (var file in files)
        {
            if (TryParse(Path.GetFileName(path(file)), out var name))
            {
                landed.Add((file, name));
            }
            else
            {
                yield return file;
            }
        }

        foreach (var shard in landed.GroupBy(l => (Path.GetDirectoryName(path(l.File)), l.Name.Stream, l.Name.Shard)))
        {
            LandedFile? widest = null;
            foreach (var (file, name) in shard.OrderBy(l => l.Name.From is null ? 0 : 1).ThenBy(l => l.Name.From).ThenByDescending(l => l.Name.To))
            {
                if (widest is not null && name.IsWithin(widest))
                {
                    continue;
                }

                widest = widest is null || name.To > widest.To ? name : widest;
                yield return file;
            }
        }
    }

    private static string Escape(string text) => Uri.EscapeDataString(text).Replace(".", "%2E", StringComparison.Ordinal).Replace("-", "%2D", StringComparison.Ordinal);
}

/// <summary>A record's place in its shard, as a file's name has it: <c>123</c>, or <c>123_4</c> inside a packed record.</summary>
internal readonly record struct LandedPlace(BigInteger Number, long Sub) : IComparable<LandedPlace>
{
    public int CompareTo(LandedPlace other) => Number.CompareTo(other.Number) is var order and not 0 ? order : Sub.CompareTo(other.Sub);

    public static bool operator <=(LandedPlace left, LandedPlace right) => left.CompareTo(right) <= 0;

    public static bool operator >=(LandedPlace left, LandedPlace right) => left.CompareTo(right) >= 0;

    public static bool operator <(LandedPlace left, LandedPlace right) => left.CompareTo(right) < 0;

    public static bool operator >(LandedPlace left, LandedPlace right) => left.CompareTo(right) > 0;

    public override string ToString() => Sub == 0 ? Number.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{Number}_{Sub}");

    public static LandedPlace? Parse(string text)
    {
        var at = text.IndexOf('_', StringComparison.Ordinal);
        long sub = 0;
        return BigInteger.TryParse(at < 0 ? text : text[..at], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && (at < 0 || long.TryParse(text[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out sub))
                ? new LandedPlace(number, sub)
                : null;
    }
}
