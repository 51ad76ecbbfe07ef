using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Alerts and reports: all of them for operators, its own for a tenant.</summary>
internal static class AlertRoutes
{
    private const string Deliver = "deliver";

    public static void MapAlerts(this RouteGroupBuilder v1)
    {
        var alerts = v1.MapGroup("/alerts");
        alerts.MapGet("/", (HttpContext context, AlertStatuses statuses, ModelStore models) => ListAsync(context, statuses, models.Current, RuleKind.Alert));
        alerts.MapGet("/{name}", async (HttpContext context, string name, AlertStatuses statuses, ModelStore models) =>
        {
            var status = await FindAsync(context, statuses, models.Current, new RuleName(RuleKind.Alert, name));
            var names = AlertMessages.DimensionsOf(models.Current, status.Alert!);
            await QueryRoutes.WriteJsonAsync(context, new { alert = status.Describe(IsOperator(context)), groups = status.State.Groups.Select(g => AlertMessages.Describe(g, names)), events = status.DescribeHistory(IsOperator(context)) });
        });
        alerts.MapPost("/{name}/test", async (HttpContext context, string name, AlertTests tests, AlertStatuses statuses, ModelStore models, AuditLog audit) =>
        {
            var delivers = Delivers(context);
            var alert = (await FindAsync(context, statuses, models.Current, new RuleName(RuleKind.Alert, name))).Alert!;
            await audit.AddAsync(CallerGate.Known(context), "alert.test", alert.Name, delivers ? "With delivery." : null, context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, AlertTests.Describe(await tests.TestAsync(models.Current, alert, delivers, context.RequestAborted)));
        }).WithMetadata(new AccessMetadata(Access.Operator));

        var reports = v1.MapGroup("/reports");
        reports.MapGet("/", (HttpContext context, AlertStatuses statuses, ModelStore models) => ListAsync(context, statuses, models.Current, RuleKind.Report));
        reports.MapGet("/{name}", async (HttpContext context, string name, AlertStatuses statuses, ModelStore models) =>
        {
            var status = await FindAsync(context, statuses, models.Current, new RuleName(RuleKind.Report, name));
            await QueryRoutes.WriteJsonAsync(context, new { report = status.Describe(IsOperator(context)), events = status.DescribeHistory(IsOperator(context)) });
        });
        reports.MapPost("/{name}/send", async (HttpContext context, string name, AlertTests tests, AlertStatuses statuses, ModelStore models, AuditLog audit) =>
        {
            QueryRoutes.RefuseUnknownParameters(context);
            var report = (await FindAsync(context, statuses, models.Current, new RuleName(RuleKind.Report, name))).Report!;
            await audit.AddAsync(CallerGate.Known(context), "report.send", report.Name, null, context.RequestAborted);
            try
            {
                await QueryRoutes.WriteJsonAsync(context, await tests.SendAsync(models.Current, report, context.RequestAborted));
            }
            catch (TimeoutException exception)
            {
                throw new ProblemException(new Problem(StatusCodes.Status504GatewayTimeout, ProblemCodes.QueryTimeout, exception.Message));
            }
        }).WithMetadata(new AccessMetadata(Access.Operator));
    }

    private static async Task ListAsync(HttpContext context, AlertStatuses statuses, MetricModel model, RuleKind kind)
    {
        var found = (await VisibleAsync(context, statuses, model, kind)).Select(r => r.Describe(IsOperator(context)));
        await (kind == RuleKind.Alert ? QueryRoutes.WriteJsonAsync(context, new { alerts = found }) : QueryRoutes.WriteJsonAsync(context, new { reports = found }));
    }

    private static async Task<RuleStatus> FindAsync(HttpContext context, AlertStatuses statuses, MetricModel model, RuleName name)
    {
        var all = await VisibleAsync(context, statuses, model, name.Kind);
        return all.Find(r => r.Name == name) ?? throw ProblemException.NotFound(
            name.Kind == RuleKind.Alert ? ProblemCodes.UnknownAlert : ProblemCodes.UnknownReport,
            $"There is no {name.Kind.ToString().ToLowerInvariant()} '{QueryForm.Short(name.Name)}'.",
            Suggestion.For(name.Name, all.Select(r => r.Name.Name)));
    }

    /// <summary>
    /// The rules that exist for who asks. A rule is evaluated with the rows and names of its tenant's own role: a key of another role may see less, and sees none.
    /// Of a role whose rows follow from claims each key may see other rows, and none sees a rule.
    /// The company's other people may see less than the company, too.
    /// </summary>
    private static async Task<List<RuleStatus>> VisibleAsync(HttpContext context, AlertStatuses statuses, MetricModel model, RuleKind kind)
    {
        var caller = CallerGate.Known(context);
        if (!caller.IsOperator && caller.Tenant is null)
        {
            throw new ProblemException(new Problem(StatusCodes.Status403Forbidden, ProblemCodes.Forbidden, "Alerts and reports are for operators, and a tenant's for its keys."));
        }

        var view = CallerView.Of(context, model);
        var rules = await statuses.GetAsync(model, kind, context.RequestAborted);
        return [.. rules.Where(r => (caller.IsOperator && view.Tenant is null) || ((caller.IsOperator || view.Scope?.Role == OwnRole(model, view.Tenant!)) && view.Tenant == (r.Alert?.Tenant ?? r.Report?.Tenant)))];
    }

    private static string? OwnRole(MetricModel model, string tenant)
    {
        try
        {
            return AccessPolicy.ScopeOf(model, AlertQuestions.Caller(tenant))?.Role;
        }
        catch (AccessDeniedException)
        {
            return "";
        }
    }

    private static bool IsOperator(HttpContext context) => CallerGate.Known(context).IsOperator;

    private static bool Delivers(HttpContext context)
    {
        var form = new QueryForm();
        var given = QueryRoutes.OnlyKnown(context, form, Deliver).GetValueOrDefault(Deliver, []);
        if (given is not ([] or ["true"] or ["false"] or [""]))
        {
            form.Report(QueryFormProblems.WrongType, $"'{Deliver}' is true or false.", Deliver);
        }

        form.ThrowIfAny();
        return given is ["true"] or [""];
    }
}
