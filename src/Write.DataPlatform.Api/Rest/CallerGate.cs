using System.Net;
using Write.DataPlatform.Api.Tokens;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Which callers a route is for.</summary>
internal enum Access
{
    /// <summary>Anyone who is known.</summary>
    Known,

    /// <summary>Operators.</summary>
    Operator,

    /// <summary>Operators, and those who send events.</summary>
    Producer,
}

/// <summary>Says who asks. A caller on this machine needs no key and is the operator, unless <see cref="LocalOperator"/> says no; any other needs one. Who shows a key is its owner, wherever he is.</summary>
internal sealed class CallerGate(RequestDelegate next, ApiKeys keys, TokenCallers tokens, ModelStore models, LocalOperator local)
{
    // A proxy in front of the server makes every caller look local; its headers give it away.
    private static readonly string[] ProxyHeaders =
        ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "CF-Connecting-IP", "True-Client-IP", "X-Original-Host", "X-Original-For", "X-Original-Proto"];

    // A page of another site that had its own name point here sends that name as host.
    private static readonly string[] LocalHosts = ["localhost", "127.0.0.1", "[::1]"];

    public async Task InvokeAsync(HttpContext context)
    {
        var access = context.GetEndpoint()?.Metadata.GetMetadata<AccessMetadata>();
        var presented = PresentedKey.Of(context.Request);
        context.Items[typeof(Caller)] = access is not null ? await IdentifyAsync(context, presented) : await RecognizeAsync(context, presented);
        if (access is not null)
        {
            Admit(context, access, presented is not null, models.Current);
        }

        await next(context);
    }

    /// <summary>Whether the caller of a request, who was looked at before, may use another route.</summary>
    /// <exception cref="ProblemException">The caller may not use the route.</exception>
    public static void Admit(HttpContext context, Endpoint route)
    {
        if (route.Metadata.GetMetadata<AccessMetadata>() is { } access)
        {
            Admit(context, access, true, context.RequestServices.GetRequiredService<ModelStore>().Current);
        }
    }

    /// <exception cref="ProblemException">The caller may not use the route.</exception>
    /// <exception cref="AccessDeniedException">The caller's role is gone, or it lacks a claim that the role needs.</exception>
    private static void Admit(HttpContext context, AccessMetadata access, bool isPresented, MetricModel model)
    {
        if (Of(context) is not { } caller)
        {
            throw new ProblemException(new Problem(401, ProblemCodes.Unauthorized, isPresented
                ? "The key is not known, has expired or was revoked."
                : "This address needs a key, unless the server lets its own machine's operator in and the call comes from there.")
            {
                Headers = [("WWW-Authenticate", access.Challenge)],
            });
        }

        if (access.Access == Access.Operator && !caller.IsOperator)
        {
            throw new ProblemException(new Problem(403, ProblemCodes.Forbidden, "This is for operators."));
        }

        if (access.Access == Access.Producer ? !caller.IsOperator && !caller.IsProducer : caller.IsProducer)
        {
            throw new ProblemException(new Problem(403, ProblemCodes.Forbidden, caller.IsProducer ? "The key sends events and does nothing else." : "Events are sent by operators, and with keys of the role producer."));
        }

        if (caller.Tenant is { } tenant && !model.Tenants.ContainsKey(tenant))
        {
            throw new ProblemException(new Problem(403, ProblemCodes.Forbidden, "The key is of a tenant that does not exist any more."));
        }

        // Here already, so that no route forgets it.
        AccessPolicy.ScopeOf(model, caller);
    }

    /// <summary>Who asks: whose key it is, whether or not it comes from this machine; without a key the operator on this machine.</summary>
    private async ValueTask<Caller?> IdentifyAsync(HttpContext context, PresentedKey? presented) =>
        presented is not { } key ? local.IsOn && IsLocal(context) ? Caller.Operator : null
        : key.IsBearer && tokens.Takes(key.Text) ? await tokens.AuthenticateAsync(context)
        : await keys.AuthenticateAsync(key.Text, context.RequestAborted);

    /// <summary>Who asks, on routes that everybody may use and that tell the known more.</summary>
    private async ValueTask<Caller?> RecognizeAsync(HttpContext context, PresentedKey? presented)
    {
        try
        {
            // Whether the process lives is told without asking anything of anybody.
            return context.Request.Path.StartsWithSegments("/health/live") ? null : await IdentifyAsync(context, presented);
        }
        catch (Exception exception) when (exception is GoldStoreException or ProblemException)
        {
            return null;
        }
    }

    /// <summary>Who asks; null if not known.</summary>
    public static Caller? Of(HttpContext context) => context.Items[typeof(Caller)] as Caller;

    /// <summary>Who asks, on routes that have an <see cref="Access"/>.</summary>
    public static Caller Known(HttpContext context) => Of(context) ?? throw new InvalidOperationException("The route let an unknown caller in.");

    /// <summary>Whether a request comes from this machine, under one of its own names, and through no proxy.</summary>
    public static bool IsLocal(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address
        && IPAddress.IsLoopback(address)
        && LocalHosts.Contains(context.Request.Host.Host, StringComparer.OrdinalIgnoreCase)
        && !ProxyHeaders.Any(context.Request.Headers.ContainsKey)
        && IsOwnPage(context.Request);

    /// <summary>Whether no page of another site sent the request; a browser says so by its origin.</summary>
    private static bool IsOwnPage(HttpRequest request) =>
        request.Headers.Origin is not [{ } origin, ..]
        || (Uri.TryCreate(origin, UriKind.Absolute, out var site) && LocalHosts.Contains(site.Host, StringComparer.OrdinalIgnoreCase));
}

/// <summary>Marks a route with the callers it is for.</summary>
/// <param name="Access">Which callers.</param>
internal sealed record AccessMetadata(Access Access)
{
    /// <summary>How a caller without a good key is asked for one: <c>WWW-Authenticate</c>. With Basic a browser asks its user.</summary>
    public string Challenge { get; init; } = "Bearer realm=\"data platform\"";
}
