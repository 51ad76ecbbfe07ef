namespace Write.DataPlatform.Gold;

/// <summary>
/// A folder that belongs to one process. Whose it is stands in its name, which it has from its first moment to its last: a process that dies at any instant
/// leaves nothing that the next one does not know to be its.
/// </summary>
internal static class ProcessFolder
{
    /// <summary>Makes a folder of this process and deletes those of dead ones.</summary>
    /// <param name="parent">Where such folders lie; made if it is not there.</param>
    /// <param name="prefix">What they are for.</param>
    public static string Make(string parent, string prefix)
    {
        Directory.CreateDirectory(parent);
        foreach (var folder in Directory.GetDirectories(parent, prefix + "-*"))
        {
            var name = Path.GetFileName(folder);
            if (name.LastIndexOf('~') is > 0 and var end && ProcessIdentity.IsGone(Uri.UnescapeDataString(name[(prefix.Length + 1)..end])))
            {
                Delete(folder);
            }
        }

        return Directory.CreateDirectory(Path.Combine(parent, NameOf(prefix, ProcessIdentity.Current))).FullName;
    }

    /// <summary>The name of a new folder of a process.</summary>
    public static string NameOf(string prefix, string owner) => $"{prefix}-{Uri.EscapeDataString(owner)}~{Guid.NewGuid():N}";

    /// <summary>Deletes a folder; what cannot be deleted now is left to the next start.</summary>
    public static void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
