using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Gold;

/// <summary>This process's own folder for segments on their way; what dead processes left beside it is deleted at the start.</summary>
internal sealed class GoldTempFolder : IDisposable
{
    private const string OwnerFile = "owner";

    private readonly string _path;
    private int _number;

    public GoldTempFolder(IOptions<GoldOptions> options)
    {
        var parent = Path.GetFullPath(options.Value.TempPath ?? Path.GetTempPath());
        Directory.CreateDirectory(parent);
        foreach (var folder in Directory.GetDirectories(parent, "gold-*"))
        {
            try
            {
                if (ProcessIdentity.IsGone(File.ReadAllText(Path.Combine(folder, OwnerFile))))
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Another process is at it, or may not be disturbed.
            }
        }

        _path = Path.Combine(parent, $"gold-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_path);
        File.WriteAllText(Path.Combine(_path, OwnerFile), ProcessIdentity.Current);
    }

    /// <summary>Where DuckDB may spill.</summary>
    public string SpillPath => Path.Combine(_path, "spill");

    /// <summary>A new folder of its own.</summary>
    public string Create()
    {
        var folder = Path.Combine(_path, Interlocked.Increment(ref _number).ToString(System.Globalization.CultureInfo.InvariantCulture));
        Directory.CreateDirectory(folder);
        return folder;
    }

    public void Dispose() => Delete(_path);

    /// <summary>Deletes a folder; what cannot be deleted now is left to the next start.</summary>
    public static void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
