using System.IO.Pipelines;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>A query as a route read it.</summary>
/// <param name="Query">The query, without its tenant.</param>
/// <param name="Translate">Turns what is said about the query into what the caller knows; null to leave it.</param>
internal sealed record AskedByRoute(MetricQuery Query, Func<QueryException, QueryException>? Translate = null);

/// <summary>
/// Gives the answers of all routes that give rows: first from what is known of the same request, then from the cache, then by work; in the format and coding
/// asked for, or, where the caller prefers that, as a job.
/// </summary>
internal sealed class AnswerEndpoint(MetricQueryService service, ModelStore models, AnswerCache cache, AnswerFormats formats, AnswerMemo memo, QueryJobs jobs, CallLimits limits, TimeProvider clock)
{
    private const int PieceBytes = 64 * 1024;

    private static readonly string Vary =
        string.Join(", ", "Accept", "Accept-Encoding", "Authorization", PresentedKey.Header, CallerView.TenantHeader, CallerView.RoleHeader, Preference.Header);

    /// <summary>Says that the caller has the answer already, where that is known without planning, or anything else.</summary>
    /// <returns>Whether it was said.</returns>
    public bool AnswersNotModified(HttpContext context)
    {
        if (context.Request.Headers.IfNoneMatch.Count == 0 || !context.Request.Path.StartsWithSegments("/v1") || memo.NameOf(context) is not { } name || memo.Find(name) is not { } known || !IsKnown(context.Request, known.Tag, known.Format))
        {
            return false;
        }

        QueryName.Set(context, known.Tag);
        NotModified(context, known.Tag, known.Format);
        return true;
    }

    /// <summary>Sends the answer, where its bytes are known without planning, or anything else.</summary>
    /// <returns>Whether it was sent.</returns>
    public async ValueTask<bool> AnswersKnownAsync(HttpContext context) =>
        context.Request.Path.StartsWithSegments("/v1") && memo.NameOf(context) is { } name && memo.Find(name) is { } known && await AnswerKnownAsync(context, known);

    /// <summary>Answers a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="read">Reads its query; not called if the answer is known without.</param>
    public async Task AnswerAsync(HttpContext context, Func<ValueTask<AskedByRoute>> read)
    {
        var cancellation = context.RequestAborted;
        var name = memo.NameOf(context);
        if (name is { } known && memo.Find(known) is { } found && await AnswerKnownAsync(context, found))
        {
            return;
        }

        var format = formats.Of(context.Request);
        var asked = await read();
        try
        {
            var query = CallerView.Of(context, models.Current).Bind(asked.Query) with { Cursor = asked.Query.Cursor ?? QueryRoutes.CursorOf(context) };
            var planned = await service.PlanAsync(query, CallerGate.Known(context), cancellation);
            QueryName.Set(context, planned.Tag);
            format = Of(planned, format);
            var key = cache.KeyOf(planned, format.Name);
            if (name is { } toRemember && !planned.NeedsLake)
            {
                memo.Add(toRemember, planned, key, format);
            }

            var tag = name is null || planned.NeedsLake ? null : planned.Tag;
            if (tag is not null && IsKnown(context.Request, tag, format))
            {
                NotModified(context, tag, format);
                return;
            }

            var isFresh = planned.NeedsLake && context.Request.Headers.CacheControl.Any(v => v?.Contains("no-cache", StringComparison.OrdinalIgnoreCase) is true);
            var preference = Preference.Of(context.Request);
            if (preference.RespondAsync && jobs.AreKept)
            {
                await AnswerOrBeginAsync(context, planned, isFresh ? null : key, tag, format, preference, asked.Translate);
                return;
            }

            await SendAsync(context, await MakeAsync(isFresh ? null : key, planned, format, cancellation), isFresh ? null : key, tag, format);
        }
        catch (QueryException exception) when (asked.Translate is { } translate)
        {
            throw translate(exception);
        }
    }

    private static AnswerFormat Of(PlannedQuery planned, AnswerFormat format) => format.For?.Invoke(planned.Plan.Resolved.Zone, planned.Plan.Resolved.Range) ?? format;

    /// <summary>Gives a job's answer in the format asked for.</summary>
    public async Task AnswerJobAsync(HttpContext context, QueryJob job)
    {
        var format = Of(job.Planned, formats.Of(context.Request));
        QueryName.Set(context, job.Id);
        try
        {
            using var place = await limits.TakeAsync(Work.JobAnswer, CallerGate.Known(context), context.RequestAborted);
            await limits.InTimeAsync(context, async end => await SendAsync(context, await StoreAsync(await AnswerOfAsync(job), format, end), null, null, format));
        }
        catch (QueryException exception) when (job.Translate is { } translate)
        {
            throw translate(exception);
        }
    }

    /// <summary>The answer of a job that is over.</summary>
    private static async Task<MetricAnswer> AnswerOfAsync(QueryJob job)
    {
        try
        {
            return await job.Answer;
        }
        catch (OperationCanceledException) when (job.IsCancelled)
        {
            throw JobRoutes.Unknown(job.Id);
        }
    }

    /// <summary>Tells where a job is.</summary>
    public static Task AcceptAsync(HttpContext context, QueryJob job)
    {
        context.Response.Headers.Location = JobRoutes.Address(job);
        context.Response.Headers.RetryAfter = "1";
        return QueryRoutes.WriteJsonAsync(context, JobRoutes.Describe(job), StatusCodes.Status202Accepted);
    }

    private async ValueTask<bool> AnswerKnownAsync(HttpContext context, KnownRequest known)
    {
        QueryName.Set(context, known.Tag);
        if (IsKnown(context.Request, known.Tag, known.Format))
        {
            NotModified(context, known.Tag, known.Format);
            return true;
        }

        if (known.Key is not { } key || await cache.FindAsync(key, context.RequestAborted) is not { Rows: null } answer)
        {
            return false;
        }

        await SendAsync(context, answer, key, known.Tag, known.Format);
        return true;
    }

    private async Task AnswerOrBeginAsync(HttpContext context, PlannedQuery planned, string? key, string? tag, AnswerFormat format, Preference preference, Func<QueryException, QueryException>? translate)
    {
        context.Response.Headers[Preference.Applied] = preference.Told;
        if (key is not null && await cache.FindAsync(key, context.RequestAborted) is { Rows: null } kept)
        {
            await SendAsync(context, kept, key, tag, format);
            return;
        }

        var job = jobs.Start(planned, translate);
        QueryName.Set(context, job.Id);
        QueryPlace.Leave();
        if (await JobRoutes.IsOverWithinAsync(job, preference.Wait, clock, context.RequestAborted))
        {
            await SendAsync(context, await StoreAsync(await AnswerOfAsync(job), format, context.RequestAborted), null, tag, format);
            // Nobody needs its name.
            jobs.Remove(job);
            return;
        }

        await AcceptAsync(context, job);
    }

    private async ValueTask<StoredAnswer> MakeAsync(string? key, PlannedQuery planned, AnswerFormat format, CancellationToken cancellationToken)
    {
        if (planned.NeedsLake)
        {
            // Those who wait for the work of another too.
            await QueryPlace.LeaveForLakeAsync(cancellationToken);
        }

        return await cache.GetAsync(key, async token => await StoreAsync(await service.AnswerAsync(planned, token), format, token), cancellationToken);
    }

    /// <summary>A large answer is written as it is sent, and never lies in memory as a whole.</summary>
    private static async ValueTask<StoredAnswer> StoreAsync(MetricAnswer answer, AnswerFormat format, CancellationToken cancellationToken) =>
        answer.Rows.Count * (long)answer.Columns.Length > AnswerCache.MaxKeptValues
            ? StoredAnswer.ToWrite(answer)
            : StoredAnswer.Written(await format.WriteAsync(answer, cancellationToken), answer.Next);

    private async Task SendAsync(HttpContext context, StoredAnswer answer, string? key, string? tag, AnswerFormat format)
    {
        var response = context.Response;
        if (answer.Rows is null && ContentCoding.Pays(format, answer) && ContentCoding.Of(context.Request) is { } coding)
        {
            answer = key is null ? coding.Packed(answer) : await cache.GetAsync(key + ":" + coding.Name, _ => ValueTask.FromResult(coding.Packed(answer)), context.RequestAborted);
            response.Headers.ContentEncoding = coding.Name;
            WriteHeaders(context, tag, format, isWeak: true);
        }
        else
        {
            WriteHeaders(context, tag, format, isWeak: answer.Rows is not null);
        }

        if (answer.Next is { } next)
        {
            response.Headers.Link = $"<{NextPage(context.Request, next)}>; rel=\"next\"";
        }

        response.ContentType = format.ContentType;
        if (answer.Rows is { } rows)
        {
            if (!HttpMethods.IsHead(context.Request.Method))
            {
                await format.Write(response.BodyWriter, rows, context.RequestAborted);
            }

            return;
        }

        response.ContentLength = answer.Body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await SendAsync(response.BodyWriter, answer.Body, context.RequestAborted);
        }
    }

    /// <summary>Sends bytes as fast as they are taken. Given all at once the server would copy them all, for each of those who take them slowly.</summary>
    internal static async Task SendAsync(PipeWriter to, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        for (; body.Length > PieceBytes; body = body[PieceBytes..])
        {
            await to.WriteAsync(body[..PieceBytes], cancellationToken);
        }

        await to.WriteAsync(body, cancellationToken);
    }

    private static bool IsKnown(HttpRequest request, string tag, AnswerFormat format)
    {
        foreach (var text in request.Headers.IfNoneMatch)
        {
            // What is sent back is nearly always one tag, as it was given.
            if (text is null)
            {
                continue;
            }

            var bare = text.AsSpan().Trim();
            bare = bare.StartsWith("W/") ? bare[2..] : bare;
            if (bare.Length == tag.Length + format.Name.Length + 3 && bare[0] == '"' && bare[^1] == '"' && bare[1..].StartsWith(tag) && bare[tag.Length + 1] == '-' && bare[(tag.Length + 2)..^1].SequenceEqual(format.Name))
            {
                return true;
            }
        }

        return request.Headers.IfNoneMatch.Count > 0 && EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out var tags)
            && tags.Any(t => t.Equals(EntityTagHeaderValue.Any) || t.Compare(new EntityTagHeaderValue($"\"{tag}-{format.Name}\""), useStrongComparison: false));
    }

    private static void NotModified(HttpContext context, string tag, AnswerFormat format)
    {
        Telemetry.NotModified.Add(1);
        WriteHeaders(context, tag, format, isWeak: false);
        context.Response.StatusCode = StatusCodes.Status304NotModified;
    }

    private static void WriteHeaders(HttpContext context, string? tag, AnswerFormat format, bool isWeak)
    {
        var headers = context.Response.Headers;
        if (format.Policy is { } policy)
        {
            headers.ContentSecurityPolicy = policy;
        }

        headers.CacheControl = "no-cache, private";
        headers.Vary = Vary;
        if (tag is not null)
        {
            headers.ETag = $"{(isWeak ? "W/" : "")}\"{tag}-{format.Name}\"";
        }
    }

    /// <summary>The same address with the next page's cursor; a request with a body sends that again.</summary>
    private static string NextPage(HttpRequest request, string cursor) =>
        QueryHelpers.AddQueryString(
            request.PathBase.Add(request.Path).ToUriComponent(),
            request.Query.Where(p => !p.Key.Equals(QueryRoutes.CursorParameter, StringComparison.OrdinalIgnoreCase) && !p.Key.Equals(PresentedKey.Parameter, StringComparison.OrdinalIgnoreCase)).Append(KeyValuePair.Create(QueryRoutes.CursorParameter, new StringValues(cursor))));
}

/// <summary>What a query is called in the log: the start of its answer's tag, or its job.</summary>
internal static class QueryName
{
    private const int Length = 12;

    public static void Set(HttpContext context, string name)
    {
        context.Items[typeof(QueryName)] = name;
        System.Diagnostics.Activity.Current?.SetTag("dataplatform.query", Of(context));
    }

    public static string? Of(HttpContext context) => context.Items[typeof(QueryName)] is string name ? name[..Math.Min(Length, name.Length)] : null;
}
