using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Gold;

/// <summary>Some decoded partitions of one gold table. Its references are counted under the engine's lock: the cache holds one, every reader another.</summary>
internal abstract class GoldChunk(ImmutableArray<ResultColumn> columns, ImmutableArray<GoldPartition> partitions, long bytes)
{
    private readonly Dictionary<string, int> _places = partitions.Select((partition, place) => (partition.Version, place)).ToDictionary(pair => pair.Version, pair => pair.place, StringComparer.Ordinal);

    /// <summary>The columns of its rows.</summary>
    public ImmutableArray<ResultColumn> Columns { get; } = columns;

    /// <summary>What it holds, in order of time.</summary>
    public ImmutableArray<GoldPartition> Partitions { get; } = partitions;

    /// <summary>About the memory or disk it takes.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>Who uses it.</summary>
    public int References { get; set; } = 1;

    /// <summary>The engine's count of uses when it was last used.</summary>
    public long LastUsed { get; set; }

    /// <summary>Where a version lies in it, or null.</summary>
    public int? PlaceOf(string version) => _places.TryGetValue(version, out var place) ? place : null;

    /// <summary>What stands after FROM for some of its partitions, by their places in ascending order.</summary>
    public abstract string From(IReadOnlyList<int> places);

    /// <summary>An expression that gives a row's place, for <see cref="From"/> all places.</summary>
    public abstract string PlaceExpression { get; }

    /// <summary>Gives back what it took.</summary>
    public abstract Task DropAsync(DuckDbInstance instance);
}

/// <summary>Partitions as the Parquet files they arrived as: at hand at once, slower to read.</summary>
/// <param name="folder">Where the files are, and nothing else.</param>
/// <param name="columns">The columns of all of them.</param>
/// <param name="partitions">The partitions.</param>
/// <param name="files">Each partition's files.</param>
/// <param name="reading">How they are read, as options of <c>read_parquet</c>.</param>
/// <param name="bytes">About the memory that they take.</param>
internal sealed class FileChunk(
    string folder, ImmutableArray<ResultColumn> columns, ImmutableArray<GoldPartition> partitions, ImmutableArray<ImmutableArray<string>> files, string reading, long bytes)
    : GoldChunk(columns, partitions, bytes)
{
    public override string PlaceExpression
    {
        get
        {
            var places = files.SelectMany((list, place) => list.Select(_ => place.ToString(CultureInfo.InvariantCulture)));
            return $"list_extract([{string.Join(", ", places)}], file_index::BIGINT + 1)::INTEGER";
        }
    }

    public override string From(IReadOnlyList<int> places) => $"read_parquet({GoldColumns.Files(places.SelectMany(place => files[place]))}{reading})";

    public override Task DropAsync(DuckDbInstance instance)
    {
        ProcessFolder.Delete(folder);
        return Task.CompletedTask;
    }
}

/// <summary>Partitions decoded into a compressed table, which has a database of its own: detaching that is what gives its memory back.</summary>
internal sealed class TableChunk(string database, ImmutableArray<ResultColumn> columns, ImmutableArray<GoldPartition> partitions, long bytes)
    : GoldChunk(columns, partitions, bytes)
{
    /// <summary>The column that tells a row's partition.</summary>
    public const string PlaceColumn = "_place";

    public override string PlaceExpression => PlaceColumn;

    public override string From(IReadOnlyList<int> places)
    {
        if (places.Count == Partitions.Length)
        {
            return $"{database}.main.t";
        }

        // Neighbours become one range, which the zone maps of a table in order of time can prune by.
        var ranges = new List<string>();
        for (var at = 0; at < places.Count; at++)
        {
            var first = places[at];
            while (at + 1 < places.Count && places[at + 1] == places[at] + 1)
            {
                at++;
            }

            ranges.Add(string.Create(CultureInfo.InvariantCulture, $"{PlaceColumn} BETWEEN {first} AND {places[at]}"));
        }

        return $"{database}.main.t WHERE {string.Join(" OR ", ranges)}";
    }

    public override async Task DropAsync(DuckDbInstance instance)
    {
        await using var session = await instance.OpenAsync();
        await session.ExecuteAsync($"DETACH {database}");
    }
}
