using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Gold;

/// <summary>This process's own folder for segments on their way; what dead processes left beside it is deleted at the start.</summary>
internal sealed class GoldTempFolder(IOptions<GoldOptions> options) : IDisposable
{
    private readonly string _path = ProcessFolder.Make(Path.GetFullPath(options.Value.TempPath ?? Path.GetTempPath()), "gold");
    private int _number;

    /// <summary>Where DuckDB may spill.</summary>
    public string SpillPath => Path.Combine(_path, "spill");

    /// <summary>A new folder of its own.</summary>
    public string Create()
    {
        var folder = Path.Combine(_path, Interlocked.Increment(ref _number).ToString(System.Globalization.CultureInfo.InvariantCulture));
        Directory.CreateDirectory(folder);
        return folder;
    }

    public void Dispose() => ProcessFolder.Delete(_path);
}
