using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Queries that go on without their callers: each caller sees its own, an operator all.</summary>
internal static class JobRoutes
{
    public static void MapJobs(this RouteGroupBuilder v1)
    {
        v1.MapGet("/queries", (HttpContext context, QueryJobs jobs) =>
        {
            QueryRoutes.RefuseUnknownParameters(context);
            return QueryRoutes.WriteJsonAsync(context, new { queries = jobs.List(CallerGate.Known(context)).Select(Describe) });
        });
        v1.MapGet("/queries/{id}", async (HttpContext context, string id, QueryJobs jobs, AnswerEndpoint answers, TimeProvider clock) =>
        {
            QueryRoutes.RefuseUnknownParameters(context);
            var job = Find(context, id, jobs);
            var wait = context.Request.Headers.ContainsKey(Preference.Header) ? Preference.Of(context.Request).Wait : TimeSpan.Zero;
            if (!await IsOverWithinAsync(job, wait, clock, context.RequestAborted))
            {
                await AnswerEndpoint.AcceptAsync(context, job);
                return;
            }

            await answers.AnswerJobAsync(context, job);
        });
        v1.MapDelete("/queries/{id}", (HttpContext context, string id, QueryJobs jobs) =>
        {
            jobs.Remove(Find(context, id, jobs));
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        });
    }

    public static string Address(QueryJob job) => "/v1/queries/" + job.Id;

    public static object Describe(QueryJob job) => new
    {
        id = job.Id,
        href = Address(job),
        state = job.State,
        metrics = job.Planned.Query.AllMetrics,
        groupBy = job.Planned.Query.GroupBy.Select(f => f.ToString()),
        tenant = job.Planned.Query.Tenant,
        startedAt = job.StartedAt,
        endedAt = job.EndedAt,
    };

    /// <summary>Waits for a job's end; how it ended is not asked.</summary>
    public static async Task<bool> IsOverWithinAsync(QueryJob job, TimeSpan wait, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (!job.Answer.IsCompleted && wait > TimeSpan.Zero)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(job.Answer, Task.Delay(wait, clock, patience.Token));
            await patience.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }

        return job.Answer.IsCompleted;
    }

    private static QueryJob Find(HttpContext context, string id, QueryJobs jobs) => jobs.Find(id, CallerGate.Known(context), out var why) ?? throw (why switch
    {
        MissingJob.OtherProcess => new ProblemException(new Problem(
            StatusCodes.Status410Gone, ProblemCodes.QueryLost, "The server process that had this query has ended, or it is not this one. Ask the query again.")),
        _ => Unknown(id),
    });

    public static ProblemException Unknown(string id) => ProblemException.NotFound(ProblemCodes.UnknownQuery, $"There is no query '{QueryForm.Short(id)}'; answers are forgotten after a time.", null);
}
