using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Write.DataPlatform.Model.Reading;

/// <summary>
/// Composes a file's documents from YAML events. Every value keeps its place, which the library's own object mapping does
/// not offer; depth and size are bounded, so that no file can exhaust the stack or the memory.
/// </summary>
internal sealed class YamlComposer(string file, ICollection<ModelProblem> problems)
{
    private const int MaxDepth = 64;

    // Written-out values a file may hold; an alias counts as all that it stands for.
    private const long MaxValues = 500_000;

    private readonly Dictionary<string, Written> _anchors = [];
    private long _values;
    private Mark _last = Mark.Empty;

    /// <summary>The documents before the first mistake that makes reading on impossible; <paramref name="complete"/> says whether there was none.</summary>
    public List<Written> Compose(string text, out bool complete)
    {
        var documents = new List<Written>();
        complete = false;
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            while (!parser.Accept<StreamEnd>(out _))
            {
                parser.Consume<DocumentStart>();
                _anchors.Clear();
                var document = Node(parser, 0);
                parser.Consume<DocumentEnd>();
                documents.Add(document);
            }

            complete = true;
        }
        catch (RefusedException exception)
        {
            problems.Add(exception.Problem);
        }
        catch (YamlException exception)
        {
            problems.Add(new ModelProblem(ModelCode.MalformedYaml, $"This is not YAML: {Sentence(exception)}", At(exception.Start)));
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            // On some broken input the library ends its events early, or slips.
            problems.Add(new ModelProblem(ModelCode.MalformedYaml, "This is not YAML: something is not closed, or stands where it cannot, near here.", At(_last)));
        }

        return documents;
    }

    private Written Node(Parser parser, int depth)
    {
        var start = parser.Current?.Start ?? Mark.Empty;
        if (depth > MaxDepth)
        {
            throw new RefusedException(new ModelProblem(ModelCode.TooLarge, $"Values are nested deeper than {MaxDepth} levels.", At(start)));
        }

        _last = start;
        Count(1, start);
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            if (!_anchors.TryGetValue(alias.Value.Value, out var target))
            {
                throw new RefusedException(new ModelProblem(
                    ModelCode.MalformedYaml, $"The alias *{alias.Value.Value} has no anchor before it.", At(start), $"Write &{alias.Value.Value} before the value it stands for."));
            }

            Count(target.Size, start);
            return target;
        }

        var anchor = (parser.Current as NodeEvent)?.Anchor ?? AnchorName.Empty;
        Written node = parser.Current switch
        {
            Scalar => Text(parser.Consume<Scalar>()),
            SequenceStart => List(parser, depth),
            _ => Map(parser, depth),
        };
        if (!anchor.IsEmpty)
        {
            _anchors[anchor.Value] = node;
        }

        return node;
    }

    private WrittenScalar Text(Scalar scalar) =>
        new(At(scalar.Start), scalar.Value, scalar.Style is ScalarStyle.Plain && scalar.IsPlainImplicit);

    private WrittenList List(Parser parser, int depth)
    {
        var start = parser.Consume<SequenceStart>().Start;
        var items = ImmutableArray.CreateBuilder<Written>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(Node(parser, depth + 1));
        }

        return new WrittenList(At(start), items.ToImmutable(), 1 + items.Sum(i => i.Size));
    }

    private WrittenMap Map(Parser parser, int depth)
    {
        var start = parser.Consume<MappingStart>().Start;
        var entries = new List<(WrittenScalar Key, Written Value)>();
        var merged = new List<(WrittenScalar Key, Written Value)>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = Node(parser, depth + 1);
            var value = Node(parser, depth + 1);
            if (key is not WrittenScalar name)
            {
                problems.Add(new ModelProblem(ModelCode.BadValue, $"A key must be a text and not {key.Kind}.", key.Position));
            }
            else if (name is { Value: "<<", IsPlain: true })
            {
                merged.AddRange(Merged(value));
            }
            else if (!keys.Add(name.Value))
            {
                problems.Add(new ModelProblem(ModelCode.Duplicate, $"The key '{name.Value}' is written twice in one mapping.", name.Position));
            }
            else
            {
                entries.Add((name, value));
            }
        }

        // A merged key never overrides one that is written, and the first merge wins.
        entries.AddRange(merged.Where(m => keys.Add(m.Key.Value)));
        return new WrittenMap(At(start), [.. entries], 1 + entries.Sum(e => 1 + e.Value.Size));
    }

    private IEnumerable<(WrittenScalar Key, Written Value)> Merged(Written value)
    {
        switch (value)
        {
            case WrittenMap map:
                return map.Entries;
            case WrittenList list when list.Items.All(i => i is WrittenMap):
                return list.Items.Cast<WrittenMap>().SelectMany(m => m.Entries);
            default:
                problems.Add(new ModelProblem(ModelCode.BadValue, $"'<<' merges mappings and not {value.Kind}.", value.Position));
                return [];
        }
    }

    private void Count(long values, Mark at)
    {
        _values += values;
        if (_values > MaxValues)
        {
            throw new RefusedException(new ModelProblem(
                ModelCode.TooLarge, $"The file holds more than {MaxValues} values, aliases written out.", At(at), "Split it, or use fewer aliases."));
        }
    }

    private SourcePosition At(Mark mark) => new(file, (int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column));

    private static string Sentence(YamlException exception) =>
        (exception.InnerException ?? exception).Message is var message && message.IndexOf("): ", StringComparison.Ordinal) is var end and >= 0
            ? message[(end + 3)..]
            : message;

    private sealed class RefusedException(ModelProblem problem) : Exception
    {
        public ModelProblem Problem { get; } = problem;
    }
}
