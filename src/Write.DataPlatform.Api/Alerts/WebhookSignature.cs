using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>The signature of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body.</summary>
internal static class WebhookSignature
{
    private const string Prefix = "whsec_";

    /// <summary>Whether a text is a secret to sign with.</summary>
    public static bool IsSecret(string? text) => Key(text) is { Length: >= 24 and <= 64 };

    /// <summary>What <c>webhook-signature</c> says.</summary>
    /// <exception cref="ArgumentException">The secret is none.</exception>
    public static string Of(string secret, string id, long timestamp, ReadOnlySpan<byte> body)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Key(secret) ?? throw new ArgumentException("The secret is no secret of Standard Webhooks.", nameof(secret)));
        mac.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.")));
        mac.AppendData(body);
        return "v1," + Convert.ToBase64String(mac.GetHashAndReset());
    }

    private static byte[]? Key(string? text)
    {
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var key = new byte[text.Length];
        return Convert.TryFromBase64String(text[Prefix.Length..], key, out var length) ? key[..length] : null;
    }
}
