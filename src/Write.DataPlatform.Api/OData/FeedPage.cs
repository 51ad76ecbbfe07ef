using System.Collections.Immutable;
using System.Text.Json;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>A page of a set that is asked for: which rows, and what stands around them.</summary>
/// <param name="Request">The request.</param>
/// <param name="Options">Its options.</param>
/// <param name="Set">The set.</param>
/// <param name="Rows">What the rows are computed from.</param>
/// <param name="Pipeline">How.</param>
/// <param name="Format">How they are written.</param>
/// <param name="Selected">The columns that are written.</param>
/// <param name="Token">Where the page before ended; null for the first.</param>
/// <param name="Hash">What all pages of the answer have in common.</param>
/// <param name="Model">The model's revision.</param>
/// <param name="Now">When the first page was asked for.</param>
/// <param name="Count">How many rows all pages have, if that is asked.</param>
/// <param name="Size">The most rows of a page.</param>
internal sealed record FeedPage(
    FeedRequest Request, FeedOptions Options, FeedSet Set, FeedRows Rows, RowPipeline Pipeline, PayloadFormat Format, ImmutableArray<RowColumn> Selected, PageToken? Token, string Hash, string Model, DateTimeOffset Now, long? Count, long Size)
{
    /// <summary>Whether the next page goes on behind a row's key, and not after a number of rows.</summary>
    public bool ByKey => Rows.HasKeys && Pipeline.KeepsRows;

    /// <summary>Rows of earlier pages.</summary>
    public long Given => Token?.Given ?? 0;

    /// <summary>Rows that may still be given, in this page and those behind it.</summary>
    public long Left => Options.Top is { } top ? Math.Max(0, top - Given) : long.MaxValue;

    /// <summary>The most rows of this page. Without something to pin them to, pages would not fit together: then there is one.</summary>
    public long Limit => Rows.Source is not null ? Math.Min(Size, Left) : Left;

    /// <summary>What stands before the rows; they are the elements of the array that it leaves open.</summary>
    public void WriteHead(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (Format.Level != MetadataLevel.None)
        {
            json.WriteString("@odata.context", ContextOf(Request, Set, Selected, Pipeline, Options));
        }

        if (Count is { } n)
        {
            json.WriteNumber("@odata.count", n);
        }

        if (Set is MetricsFeedSet && Options.Apply is null)
        {
            json.WriteString("@Write.Note", "This set has rows by $apply alone.");
        }

        json.WriteStartArray("value");
    }

    /// <summary>What stands behind the rows.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="seal">Signs the next page's token.</param>
    /// <param name="wrote">How many rows were written.</param>
    /// <param name="next">The order's values of the last one, if another follows.</param>
    public void WriteTail(Utf8JsonWriter json, CursorSeal seal, long wrote, ImmutableArray<object?>? next)
    {
        json.WriteEndArray();
        if (next is { } after && wrote < Left && Rows.Source is { } source)
        {
            var following = new PageToken(Hash, Model, source, Rows.Revision, Now, Given + wrote, Count, after);
            json.WriteString("@odata.nextLink", NextLink(following.Write(seal)));
        }

        json.WriteEndObject();
        json.Flush();
    }

    /// <summary>What the payload's context says of it.</summary>
    public static string ContextOf(FeedRequest request, FeedSet set, ImmutableArray<RowColumn> selected, RowPipeline pipeline, FeedOptions options) =>
        request.ServiceRoot + "/$metadata#" + set.Name
        + (options.Select is null && options.Compute is null && pipeline.Columns.SequenceEqual(set.Columns) ? "" : "(" + string.Join(',', selected.Select(c => c.Name)) + ")");

    /// <summary>The same address with another token, its options as the caller spelt them.</summary>
    private string NextLink(string token)
    {
        var query = (Request.Context.Request.QueryString.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(p => Uri.UnescapeDataString(p.Split('=')[0]).TrimStart('$').ToLowerInvariant() is not ("skiptoken" or Rest.PresentedKey.Parameter));
        return $"{Request.ServiceRoot}/{string.Join('/', Request.Segments.Select(Uri.EscapeDataString))}?{string.Join('&', query.Append("$skiptoken=" + token))}";
    }
}
