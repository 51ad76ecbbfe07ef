using System.Collections.Immutable;
using Write.DataPlatform.Model.Reading;
using YamlDotNet.Serialization;

namespace Write.DataPlatform.Model.Importing;

/// <summary>
/// Turns the YAML files of a Cube model into a model file. Only what means the same is taken over; whatever does not is told, and never guessed. The metric of
/// <c>orders.count</c> is <c>orders_count</c>, the field of <c>orders.status</c> is <c>orders__status</c>, and a join is the entity of the cube it leads to.
/// </summary>
internal sealed class CubeImporter
{
    private readonly List<ImportNote> _notes = [];
    private readonly Dictionary<string, CubeCube> _cubes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <summary>Imports files.</summary>
    /// <param name="files">Their names and texts.</param>
    /// <param name="problems">What is no YAML in them.</param>
    public static CubeImport Import(IEnumerable<(string Name, string Text)> files, out ImmutableArray<ModelProblem> problems)
    {
        var found = new List<ModelProblem>();
        var documents = files.SelectMany(f => new YamlComposer(f.Name, found).Compose(f.Text, out _)).ToList();
        problems = [.. found];
        return new CubeImporter().Import(documents);
    }

    private CubeImport Import(List<Written> documents)
    {
        foreach (var document in documents.Where(d => d is not (WrittenMap or WrittenScalar { IsNull: true })))
        {
            _notes.Add(new ImportNote(true, "document", $"It is left out: it is {document.Kind} and holds no cubes.", document.Position));
        }

        foreach (var document in documents.OfType<WrittenMap>())
        {
            var map = new CubeMap(document, "", _notes);
            foreach (var cube in map.Maps("cubes"))
            {
                if (CubeCube.Read(cube, _names) is { } read && !_cubes.TryAdd(read.Written, read))
                {
                    cube.Lost("another cube of that name was read before");
                }
            }

            foreach (var view in map.Maps("views"))
            {
                view.Lost("a view chooses names of cubes, and here every metric can be grouped by what its entities reach. A role can hide names, and an insight or a saved query publishes a choice");
            }

            map.Done();
        }

        foreach (var cube in _cubes.Values)
        {
            cube.Join(_cubes);
        }

        DeriveAll();
        var tables = _cubes.Values.SelectMany(cube => CubePreAggregation.Read(cube, _cubes)).ToList();
        foreach (var cube in _cubes.Values)
        {
            cube.Map.Done();
        }

        var model = new Dictionary<string, object> { ["semantic_models"] = _cubes.Values.Select(c => c.SemanticModel()).ToList() };
        if (_cubes.Values.SelectMany(c => c.Metrics).ToList() is { Count: > 0 } metrics)
        {
            model["metrics"] = metrics;
        }

        if (tables.Count > 0)
        {
            model["gold_tables"] = tables;
        }

        var yaml = new SerializerBuilder().WithQuotingNecessaryStrings().DisableAliases().WithIndentedSequences().Build().Serialize(model);
        return new CubeImport(
            yaml,
            [.. _notes.OrderBy(n => n.Position.File, StringComparer.Ordinal).ThenBy(n => n.Position.Line).ThenBy(n => n.Position.Column).Distinct()],
            _names.ToImmutableSortedDictionary(StringComparer.Ordinal));
    }

    /// <summary>Measures of measures, whose inputs may be such themselves, in any order.</summary>
    private void DeriveAll()
    {
        bool hasMore;
        do
        {
            hasMore = _cubes.Values.Any(cube => cube.DeriveNext());
        }
        while (hasMore);

        foreach (var cube in _cubes.Values)
        {
            cube.GiveUpDerived();
        }
    }
}
