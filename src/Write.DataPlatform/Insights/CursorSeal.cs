using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Insights;

/// <summary>
/// Signs cursors, so that none can be made up or altered. Servers side by side share a key by <c>DataPlatform:CursorKey</c>. Without it the key is the data folder's own; where
/// that cannot be kept, cursors last as long as the process.
/// </summary>
internal sealed class CursorSeal(IConfiguration configuration, ILogger<CursorSeal> logger)
{
    private const int KeyBytes = 32;

    /// <summary>The setting of a shared key: any text that nobody guesses, of 32 characters or more.</summary>
    public const string Setting = "DataPlatform:CursorKey";

    private readonly Lazy<byte[]> _key = new(() => configuration[Setting] is { Length: > 0 } shared ? SHA256.HashData(Encoding.UTF8.GetBytes(shared)) : FindKey(Path.GetFullPath(configuration["DataPlatform:Data"] is { Length: > 0 } folder ? folder : ".data"), logger));

    public string Write(Cursor cursor) => Seal(cursor.ToBytes());

    /// <exception cref="Query.QueryException">It is no cursor that this key signed.</exception>
    public Cursor Read(string text) => Open(text) is { } bytes && Cursor.FromBytes(bytes) is { } cursor ? cursor : throw Cursor.Bad();

    /// <summary>Bytes with their signature, as text for an address.</summary>
    public string Seal(byte[] bytes) => Base64Url.EncodeToString([.. bytes, .. HMACSHA256.HashData(_key.Value, bytes)]);

    /// <summary>The bytes of what <see cref="Seal"/> wrote; null if this key did not sign it.</summary>
    public byte[]? Open(string text)
    {
        byte[] all;
        try
        {
            all = Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            return null;
        }

        var length = all.Length - HMACSHA256.HashSizeInBytes;
        return length > 0
            && CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(_key.Value, all.AsSpan(0, length)), all.AsSpan(length))
            && Base64Url.EncodeToString(all) == text
                ? all[..length]
                : null;
    }

    private static byte[] FindKey(string folder, ILogger logger)
    {
        var path = Path.Combine(folder, "cursor.key");
        try
        {
            Directory.CreateDirectory(folder);
            if (!File.Exists(path))
            {
                // Written aside and moved, so that processes that start together have one key, whole.
                var draft = path + "." + Guid.NewGuid().ToString("N");
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                {
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                }

                using (var file = new FileStream(draft, options))
                {
                    file.Write(Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(2 * KeyBytes, lowercase: true)));
                }

                try
                {
                    File.Move(draft, path, overwrite: false);
                }
                catch (IOException) when (File.Exists(path))
                {
                    File.Delete(draft);
                }
            }

            var key = Convert.FromHexString(File.ReadAllText(path).Trim());
            return key.Length == KeyBytes ? key : throw new FormatException($"The key has {key.Length} bytes.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
        {
            InsightsLog.NoCursorKey(logger, exception, path);
            return RandomNumberGenerator.GetBytes(KeyBytes);
        }
    }
}

/// <summary>The slice's log messages.</summary>
internal static partial class InsightsLog
{
    [LoggerMessage(900, LogLevel.Warning, "The key of cursors cannot be kept in {Path}; cursors last as long as this process")]
    public static partial void NoCursorKey(ILogger logger, Exception exception, string path);
}
