using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Client;

/// <summary>
/// A typed client of the API: a method an operation, and one for each insight that is published. What the API refuses is a <see cref="DataPlatformException{Problem}"/> with
/// the problem's code. Its answers are JSON; other formats are asked for by the same <see cref="HttpClient"/> and their <c>Accept</c> header.
/// </summary>
public partial class DataPlatformClient
{
    private const string InsightAddress = "v1/insights/";

    /// <summary>A client of one server.</summary>
    /// <param name="address">The server's address, such as <c>https://metrics.example</c>, with the stage or path under which it is reached, if there is one.</param>
    /// <param name="key">A key of the API, <c>wdp_…</c>; null for none, which only a server on this machine takes.</param>
    /// <returns>It holds an <see cref="HttpClient"/> for as long as it lives: make one and keep it.</returns>
    public static DataPlatformClient Connect(Uri address, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        var http = new HttpClient { BaseAddress = Root(address) };
        http.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return new DataPlatformClient(http);
    }

    /// <summary>The address as an <see cref="HttpClient.BaseAddress"/>: without a slash at its end the last part of its path would be replaced.</summary>
    /// <param name="address">The server's address, with the stage or path under which it is reached.</param>
    /// <returns>The address, with a slash at its end.</returns>
    public static Uri Root(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.AbsolutePath.EndsWith('/') ? address : new UriBuilder(address) { Path = address.AbsolutePath + "/" }.Uri;
    }

    // Lists of names, such as what an answer is served by; single ones say so themselves.
    static partial void UpdateJsonSerializerSettings(JsonSerializerOptions settings) => settings.Converters.Add(new JsonStringEnumConverter());

    /// <summary>The items of a list in a query string, as they stand between its commas. An insight's are values, which may have commas of their own; others are names, which have none.</summary>
    /// <param name="address">The address so far.</param>
    /// <param name="items">The list.</param>
    /// <param name="name">The parameter.</param>
    /// <exception cref="ArgumentException">It is an insight's and empty, which would ask without it.</exception>
    private IEnumerable<string> ListItems<T>(StringBuilder address, IEnumerable<T> items, string name)
    {
        var texts = items.Select(item => ConvertToString(item, CultureInfo.InvariantCulture)).ToList();
        if (!address.ToString().StartsWith(InsightAddress, StringComparison.Ordinal))
        {
            return texts;
        }

        return texts.Count == 0
            ? throw new ArgumentException("The list is empty. Leave it out to ask for all.", name)
            : texts.Select(Escape);
    }

    // Spaces around a value are taken for none of its.
    private static string Escape(string text)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
        escaped = escaped.Length > 1 && char.IsWhiteSpace(escaped[^1]) ? $"{escaped[..^1]}\\{escaped[^1]}" : escaped;
        return escaped.Length > 0 && char.IsWhiteSpace(escaped[0]) ? "\\" + escaped : escaped;
    }
}
