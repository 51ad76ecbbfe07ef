using System.CommandLine;
using System.Text;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Importing;

namespace Write.DataPlatform.Api.Commands;

/// <summary>Takes over models that were written for other systems.</summary>
internal sealed class ImportCommand : ExampleCommand
{
    public ImportCommand(CommandContext context)
        : base("import", "Turns a model of another system into one of this", "% import cube model/cubes/*.yml > models/imported.yaml", "% import cube orders.yml customers.yml --out models/imported.yaml --strict")
    {
        var files = new Argument<string[]>("FILE") { Description = "Cube's YAML files", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string?>("--out") { Description = "The model file to write; standard output if not given", HelpName = "FILE" };
        var strict = new Option<bool>("--strict") { Description = "Fails, and writes nothing, if anything is left out" };
        var cube = new Command("cube", "Turns cubes, joins, segments and rollups into semantic models, metrics, entities and gold tables, and says what has no equivalent") { files, output, strict };
        cube.SetAction(async (parse, cancellationToken) =>
        {
            var texts = new List<(string, string)>();
            foreach (var file in parse.GetRequiredValue(files))
            {
                texts.Add((file, await File.ReadAllTextAsync(file, cancellationToken)));
            }

            var import = CubeImporter.Import(texts, out var problems);
            if (!problems.IsEmpty)
            {
                throw new StartupException([.. problems.Select(p => Startup.Print(p))]);
            }

            await CheckAsync(context, parse, import, cancellationToken);
            Tell(context, parse, import);
            if (parse.GetValue(strict) && import.Notes.Any(n => n.IsLost))
            {
                return ExitCode.Failed;
            }

            if (parse.GetValue(output) is { } path)
            {
                await File.WriteAllTextAsync(path, import.Yaml, cancellationToken);
            }

            if (parse.GetValue(context.Json))
            {
                await context.Terminal.Output.WriteLineAsync(
                    JsonSerializer.Serialize(
                        new { model = import.Yaml, names = import.Names, notes = import.Notes.Select(n => new { lost = n.IsLost, name = n.Name, message = n.Message, at = n.Position.ToString() }) },
                        AnswerJson.Options).AsMemory(),
                    cancellationToken);
            }
            else if (parse.GetValue(output) is null)
            {
                await context.Terminal.Output.WriteAsync(import.Yaml.AsMemory(), cancellationToken);
            }

            return ExitCode.Done;
        });
        Subcommands.Add(cube);
    }

    /// <exception cref="StartupException">What came out is no model: something that was written cannot be one here, and was not seen before.</exception>
    private static async Task CheckAsync(CommandContext context, ParseResult parse, CubeImport import, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("wdp-import-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "imported.yaml"), import.Yaml, Encoding.UTF8, cancellationToken);
            await using var app = context.Build(parse);
            var loaded = app.Services.GetRequiredService<ModelLoader>().Load(folder.FullName);
            if (loaded.Model is null)
            {
                throw new StartupException(["What was imported is no model yet; nothing is written.", .. loaded.Problems.Select(p => Startup.Print(p))]);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Tell(CommandContext context, ParseResult parse, CubeImport import)
    {
        if (parse.GetValue(context.Json))
        {
            return;
        }

        foreach (var note in import.Notes)
        {
            context.Terminal.Say($"{note.Position} {(note.IsLost ? "lost" : "note")} {note.Name}: {note.Message}");
        }

        context.Terminal.Say($"{import.Names.Count} measures and dimensions are taken over, {import.Notes.Count(n => n.IsLost)} things are left out, {import.Notes.Count(n => !n.IsLost)} are not quite the same.");
    }
}
