using System.Text;
using CsCheck;

namespace Write.DataPlatform.Tests.Model;

/// <summary>Whatever the files hold, loading gives a model or problems, never an exception.</summary>
public sealed class ModelFuzzTests
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ":", "- ", "\n", "  ", "'", "\"", "&a ", "*a", "<<: *a", "|", ">", "#", "?", "!", "!!str ", "%", "@", "`", "---\n", "...\n", "null", "~", "true", "1e999", "-1",
        "2024-13-01", "\t", "\0", "é", "\uFEFF", "{{ Dimension('a__b') }}", "{{", "visits", "metrics:", "type: derived", "measure: ", "name: ", "__", "month", "9999999999999999999", "P9999999D", "0 days",
    ];

    private static readonly string[] Lines = ModelSample.Model.Item2.Split('\n');

    [Fact]
    public void Mutated_text_never_throws() => Check(Gen.Select(Gen.Int[0, ModelSample.Model.Item2.Length - 1], Gen.Int[0, 12], Gen.Int[0, Pieces.Length - 1], (at, drop, piece) => (at, drop, piece)).Array[1, 4].Select(edits =>
    {
        var text = new StringBuilder(ModelSample.Model.Item2);
        foreach (var (at, drop, piece) in edits)
        {
            var from = Math.Min(at, text.Length);
            text.Remove(from, Math.Min(drop, text.Length - from)).Insert(from, Pieces[piece]);
        }

        return text.ToString();
    }));

    [Fact]
    public void Mutated_lines_never_throw() => Check(Gen.Select(Gen.Int[0, Lines.Length - 1], Gen.Int[0, Lines.Length - 1], Gen.Int[0, 3], (a, b, kind) => (a, b, kind)).Array[1, 5].Select(edits =>
    {
        var lines = Lines.ToList();
        foreach (var (a, b, kind) in edits)
        {
            switch (kind)
            {
                case 0:
                    lines.RemoveAt(Math.Min(a, lines.Count - 1));
                    break;
                case 1:
                    lines.Insert(Math.Min(a, lines.Count), Lines[b]);
                    break;
                case 2:
                    lines[Math.Min(a, lines.Count - 1)] = Lines[b];
                    break;
                default:
                    // A key keeps its name and takes another line's value.
                    var (key, value) = (lines[Math.Min(a, lines.Count - 1)], Lines[b]);
                    lines[Math.Min(a, lines.Count - 1)] = key[..(key.IndexOf(':', StringComparison.Ordinal) + 1)] + value[(value.IndexOf(':', StringComparison.Ordinal) + 1)..];
                    break;
            }
        }

        return string.Join('\n', lines);
    }));

    [Fact]
    public void Noise_never_throws() => Check(Gen.Int[0, Pieces.Length - 1].Array[0, 40].Select(p => string.Concat(p.Select(i => Pieces[i]))));

    [Fact]
    public void Mutated_lookups_never_throw()
    {
        string[] pieces = [",", "\"", "\"\"", "\n", "\r", "\r\n", ";", "\t", "\0", "\uFEFF", "é", "code", "DE", ""];
        var (name, good) = ModelSample.Countries;
        Check(
            Gen.Select(Gen.Int[0, good.Length], Gen.Int[0, 8], Gen.Int[0, pieces.Length - 1], (at, drop, piece) => (at, drop, piece)).Array[1, 5].Select(edits =>
            {
                var text = new StringBuilder(good);
                foreach (var (at, drop, piece) in edits)
                {
                    var from = Math.Min(at, text.Length);
                    text.Remove(from, Math.Min(drop, text.Length - from)).Insert(from, pieces[piece]);
                }

                return text.ToString();
            }),
            name);
    }

    private static void Check(Gen<string> texts, string? file = null)
    {
        using var folder = new ModelFolder(ModelSample.Files);
        texts.Sample(
            text =>
            {
                folder.Write(file ?? "model.yaml", text);
                var result = folder.Load();
                Assert.Equal(result.Model is null, result.Problems.Length > 0);
                Assert.All(result.Problems, p => Assert.True(p.Position is null or { Line: > 0, Column: > 0, File.Length: > 0 } && p.Message.Length > 0 && p.Code.Length == 4));
            },
            iter: 800, threads: 1);
    }
}
