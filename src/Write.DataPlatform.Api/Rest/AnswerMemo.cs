using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Rest;

/// <summary>What makes two requests the same.</summary>
/// <param name="Model">The revision of the model that says what their callers may see.</param>
/// <param name="View">What their callers may see.</param>
/// <param name="IsOperator">Whether it is told what answered.</param>
/// <param name="Target">Path and query string, as they were sent.</param>
/// <param name="Accept">The formats that are welcome.</param>
internal readonly record struct RequestName(string Model, string View, bool IsOperator, string Target, string Accept);

/// <summary>What is known of a request without reading its query: the answer's tag, format and place in the cache.</summary>
/// <param name="Model">The revision of the model it was planned with.</param>
/// <param name="PlannedAt">When it was planned: a clock that is set back makes another plan.</param>
/// <param name="PlanEnds">Until when the clock leaves the plan as it is, excluded.</param>
/// <param name="Tables">The gold tables that were looked at, with their revisions.</param>
/// <param name="Tag">The answer's tag, without its format.</param>
/// <param name="Key">The answer's name in the cache; null if it keeps none.</param>
/// <param name="Format">The answer's format.</param>
internal sealed record KnownRequest(string Model, DateTimeOffset PlannedAt, DateTimeOffset PlanEnds, ImmutableArray<(string Table, string? Tenant, long Revision)> Tables, string Tag, string? Key, AnswerFormat Format);

/// <summary>
/// Remembers the tags of requests, so that the same request is told 304, or sent its bytes, before its query is read. What is remembered holds only as long as
/// a plan made now would be the same: the same model, the same manifests as fresh as a plan would read them, no grain ended since, and, where a stream goes on behind a table,
/// no longer than <see cref="GoldOptions.ManifestMaxAge"/>.
/// </summary>
internal sealed class AnswerMemo(ModelStore models, GoldTables gold, IOptions<GoldOptions> options, TimeProvider clock)
{
    private const int MaxKnown = 5_000;
    private const int MaxTarget = 2_048;

    private readonly ConcurrentDictionary<RequestName, KnownRequest> _known = new();

    /// <summary>The request's name; null for one that is not remembered: it has a body, a key in its address, or a long one.</summary>
    public RequestName? NameOf(HttpContext context)
    {
        var request = context.Request;
        if (HttpMethods.IsPost(request.Method))
        {
            return null;
        }

        var query = request.QueryString.Value ?? "";
        var accept = request.Headers.Accept.ToString();
        if (query.Length + accept.Length > MaxTarget || (query.Length > 0 && request.Query.ContainsKey(PresentedKey.Parameter)))
        {
            return null;
        }

        var headers = request.Headers;
        var model = models.Current;
        var view = CallerView.Of(context, model);
        return new RequestName(model.Revision, view.Text, CallerGate.Known(context).IsOperator, request.Path.Value + query, accept);
    }

    public KnownRequest? Find(RequestName name)
    {
        if (!_known.TryGetValue(name, out var known))
        {
            return null;
        }

        var now = clock.GetUtcNow();
        if (known.Model == models.Current.Revision && now >= known.PlannedAt && now < known.PlanEnds && known.Tables.All(t => gold.Peek(t.Table, t.Tenant)?.Revision == t.Revision))
        {
            return known;
        }

        _known.TryRemove(KeyValuePair.Create(name, known));
        return null;
    }

    public void Add(RequestName name, PlannedQuery planned, string? key, AnswerFormat format)
    {
        if (name.Model != planned.Model.Revision)
        {
            // The model was replaced meanwhile, and by this one the caller may see something else.
            return;
        }

        if (_known.Count >= MaxKnown)
        {
            // Addresses can be made up without end, and must not fill the memory.
            _known.Clear();
        }

        // What a stream adds is planned with as it was read so long ago at most.
        var read = planned.Now + options.Value.ManifestMaxAge;
        var ends = planned.IsStreamed && read < planned.PlanEnds ? read : planned.PlanEnds;
        _known[name] = new KnownRequest(planned.Model.Revision, planned.Now, ends, [.. planned.Snapshots.Select(s => (s.Manifest.Table, s.Manifest.Tenant, s.Manifest.Revision))], planned.Tag, key, format);
    }
}
