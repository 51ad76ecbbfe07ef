using System.Collections.Immutable;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Model.Rules;

namespace Write.DataPlatform.Model;

/// <summary>What loading a folder gave: a model, or every problem.</summary>
/// <param name="Model">The model; null if there is a problem.</param>
/// <param name="Problems">Every problem, by file and line.</param>
/// <param name="Revision">The hash of the files that were read, good or bad.</param>
/// <param name="Files">The files that were read, relative to the folder.</param>
internal sealed record ModelLoadResult(MetricModel? Model, ImmutableArray<ModelProblem> Problems, string Revision, ImmutableArray<string> Files);

/// <summary>Loads a model folder: reads every file, then checks every rule.</summary>
/// <param name="rules">
/// Rules of other slices. They see only models that keep all rules of this slice, so that they may take references for granted.
/// </param>
internal sealed class ModelLoader(IEnumerable<IModelRule> rules)
{
    private readonly ImmutableArray<IModelRule> _rules = [.. rules];

    /// <summary>Loads every <c>*.yaml</c>, <c>*.yml</c> and <c>semantic_manifest.json</c> below the folder. Whatever the files hold, this does not throw.</summary>
    public ModelLoadResult Load(string folder)
    {
        var context = new ReadContext();
        var files = new ModelFiles(folder);
        var documents = new List<Written>();
        var isComplete = true;
        foreach (var path in Paths(folder, context))
        {
            var (text, problem) = files.Text(path);
            if (text is null)
            {
                isComplete = false;
                context.Report(ModelCode.UnreadableFile, $"The file cannot be read: {problem}.", new SourcePosition(path, 1, 1));
                continue;
            }

            var composed = new YamlComposer(path, context.Problems).Compose(text, out var complete);
            documents.AddRange(SemanticManifest.Is(path) ? composed.Select(SemanticManifest.AsYaml) : composed);
            isComplete &= complete;
        }

        var model = new ModelReader(files, context).Read(documents);
        var found = context.Problems.Concat(ModelRules.All.SelectMany(rule => rule.Check(model))

            // What part of a file is missing may define the names: they are not called unknown.
            .Where(problem => isComplete || !ModelRules.IsReference(problem.Code))).ToList();
        if (found.Count == 0)
        {
            found.AddRange(_rules.SelectMany(rule => rule.Check(model)));
        }

        ImmutableArray<ModelProblem> problems =
        [
            .. found.Distinct()
                .OrderBy(p => p.Position?.File, StringComparer.Ordinal).ThenBy(p => p.Position?.Line).ThenBy(p => p.Position?.Column).ThenBy(p => p.Code, StringComparer.Ordinal),
        ];
        return new ModelLoadResult(problems.IsEmpty ? model : null, problems, model.Revision, [.. files.Read]);
    }

    private static List<string> Paths(string folder, ReadContext context)
    {
        try
        {
            var paths = ModelFiles.Yaml(folder).ToList();
            if (paths.Count == 0)
            {
                context.Problems.Add(new ModelProblem(ModelCode.UnreadableFile, $"The model folder '{folder}' holds no YAML file.", null, "Set DataPlatform:Models to the folder of the model's files."));
            }

            return paths;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            context.Problems.Add(new ModelProblem(
                ModelCode.UnreadableFile, $"The model folder '{folder}' cannot be read: {exception.Message}", null, "Set DataPlatform:Models to the folder of the model's files."));
            return [];
        }
    }
}
