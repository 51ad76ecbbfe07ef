using System.IO.Hashing;
using System.Text;

namespace Write.DataPlatform.Model.Reading;

/// <summary>The files of a model folder: reads each once, within the folder, and remembers what was read for the revision.</summary>
internal sealed class ModelFiles(string folder)
{
    /// <summary>The size above which a file is no model file.</summary>
    public const long MaxBytes = 10 * 1024 * 1024;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly string _root = Path.GetFullPath(folder);
    private readonly SortedDictionary<string, byte[]> _read = new(StringComparer.Ordinal);

    /// <summary>The files read so far, relative to the folder.</summary>
    public IReadOnlyCollection<string> Read => _read.Keys;

    /// <summary>A hash of every file read.</summary>
    public string Revision
    {
        get
        {
            var hash = new XxHash128();
            foreach (var (path, content) in _read)
            {
                hash.Append(Encoding.UTF8.GetBytes($"{path}\n{Convert.ToHexStringLower(XxHash128.Hash(content))}\n"));
            }

            return Convert.ToHexStringLower(hash.GetCurrentHash());
        }
    }

    /// <summary>
    /// The YAML files and dbt's semantic manifests below the folder, relative, in ordinal order. Names that start with a dot are left out: editors' and mounts'
    /// own copies live there.
    /// </summary>
    public static IEnumerable<string> Yaml(string folder)
    {
        var root = Path.GetFullPath(folder);
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 16, AttributesToSkip = FileAttributes.None };
        return Directory.EnumerateFiles(root, "*", options)
            .Select(path => Path.GetRelativePath(root, path).Replace('\\', '/'))
            .Where(path => Path.GetExtension(path).ToLowerInvariant() is ".yaml" or ".yml" || SemanticManifest.Is(path))
            .Where(path => !path.Split('/').Any(part => part.StartsWith('.')))
            .Order(StringComparer.Ordinal);
    }

    /// <summary>A file's text, or the reason why there is none.</summary>
    public (string? Text, string? Problem) Text(string relativePath)
    {
        if (Path.IsPathRooted(relativePath) || relativePath.AsSpan().IndexOfAny('\0', '\n') >= 0)
        {
            return (null, "its path must be relative to the model folder");
        }

        try
        {
            var path = Path.GetFullPath(Path.Combine(_root, relativePath));
            if (!IsWithin(path))
            {
                return (null, "it lies outside the model folder");
            }

            if (!File.Exists(path))
            {
                return (null, Directory.Exists(path) ? "it is a folder" : "there is no such file");
            }

            // A link may lead out of the folder too.
            if (!IsWithin(new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path))
            {
                return (null, "it lies outside the model folder");
            }

            if (new FileInfo(path).Length > MaxBytes)
            {
                return (null, $"it is larger than {MaxBytes / 1024 / 1024} MB");
            }

            var content = File.ReadAllBytes(path);
            _read[relativePath] = content;
            var text = Strict.GetString(content);
            return (text.StartsWith('\uFEFF') ? text[1..] : text, null);
        }
        catch (DecoderFallbackException)
        {
            return (null, "it is not UTF-8");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return (null, exception.Message.TrimEnd('.'));
        }
    }

    private bool IsWithin(string path) => path.StartsWith(_root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
