using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

/// <summary>A temporary model folder.</summary>
internal sealed class ModelFolder : IDisposable
{
    public ModelFolder(params (string Path, string Text)[] files)
    {
        Path = Directory.CreateTempSubdirectory("wdp-model-").FullName;
        foreach (var (path, text) in files)
        {
            Write(path, text);
        }
    }

    public string Path { get; }

    public static ModelLoadResult Load(params (string Path, string Text)[] files)
    {
        using var folder = new ModelFolder(files);
        return folder.Load();
    }

    public static MetricModel LoadGood(params (string Path, string Text)[] files)
    {
        var result = Load(files);
        Assert.True(result.Model is not null, ModelLoadException.Print(result.Problems));
        return result.Model;
    }

    public ModelLoadResult Load() => new ModelLoader([]).Load(Path);

    public void Write(string path, string text)
    {
        var full = System.IO.Path.Combine(Path, path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
