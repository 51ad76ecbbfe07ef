using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Callers' keys and what operators did, for operators.</summary>
internal static class KeyRoutes
{
    private const int DefaultActs = 100;
    private const int MaxActs = 1_000;

    public static void MapKeys(this RouteGroupBuilder v1)
    {
        var keys = v1.MapGroup("/keys").WithMetadata(new AccessMetadata(Access.Operator));
        keys.MapGet("/", async (HttpContext context, ApiKeys store, TimeProvider clock) =>
        {
            QueryRoutes.RefuseUnknownParameters(context);
            var found = await store.ListAsync(context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, new { keys = found.Select(k => Describe(k, clock.GetUtcNow())) });
        });
        keys.MapPost("/", async (HttpContext context, ApiKeys store, AuditLog audit, ModelStore models, TimeProvider clock) =>
        {
            var wanted = await ReadAsync(context, models.Current, clock.GetUtcNow());
            await audit.AddAsync(CallerGate.Known(context), "key.create", wanted.Name, Told(wanted), context.RequestAborted);
            var (key, text) = await store.CreateAsync(wanted.Name, wanted.Role, wanted.Tenant, wanted.ExpiresAt, wanted.Grant, context.RequestAborted);
            context.Response.Headers.Location = "/v1/keys/" + key.Id;
            await QueryRoutes.WriteJsonAsync(context, new { key = text, about = Describe(key, clock.GetUtcNow()) }, StatusCodes.Status201Created);
        });
        keys.MapDelete("/{id}", async (HttpContext context, string id, ApiKeys store, AuditLog audit, TimeProvider clock) =>
        {
            await audit.AddAsync(CallerGate.Known(context), "key.revoke", QueryForm.Short(id), null, context.RequestAborted);
            var key = await store.RevokeAsync(id, context.RequestAborted) ?? throw Unknown(id);
            await QueryRoutes.WriteJsonAsync(context, Describe(key, clock.GetUtcNow()));
        });
        keys.MapPost("/{id}/rotate", async (HttpContext context, string id, ApiKeys store, AuditLog audit, TimeProvider clock) =>
        {
            var form = new QueryForm();
            var overlap = TimeSpan.FromDays(1);
            if (QueryRoutes.OnlyKnown(context, form, "overlap").TryGetValue("overlap", out var texts)
                && (texts.Length != 1 || Spelling.Duration(texts[0]) is not { } given || !WantedKey.IsGoodSpan(overlap = given)))
            {
                form.Report(QueryFormProblems.OutOfRange, "The overlap is a duration such as 1h or 7d, up to ten years.", "overlap");
            }

            form.ThrowIfAny();
            await audit.AddAsync(CallerGate.Known(context), "key.rotate", QueryForm.Short(id), $"The old key is good for {overlap:c} yet.", context.RequestAborted);
            var (key, text) = await store.RotateAsync(id, overlap, context.RequestAborted) ?? throw Unknown(id);
            await QueryRoutes.WriteJsonAsync(context, new { key = text, about = Describe(key, clock.GetUtcNow()) }, StatusCodes.Status201Created);
        });
        v1.MapGet("/audit", async (HttpContext context, AuditLog audit) =>
        {
            var form = new QueryForm();
            var limit = DefaultActs;
            if (QueryRoutes.OnlyKnown(context, form, "limit").TryGetValue("limit", out var texts)
                && (texts.Length != 1 || !int.TryParse(texts[0], NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxActs))
            {
                form.Report(QueryFormProblems.OutOfRange, $"The limit is a whole number from 1 to {MaxActs}.", "limit");
            }

            form.ThrowIfAny();
            await QueryRoutes.WriteJsonAsync(context, new { acts = await audit.ListAsync(limit, context.RequestAborted).ToListAsync(context.RequestAborted) });
        }).WithMetadata(new AccessMetadata(Access.Operator));
    }

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    public static object Describe(ApiKey key, DateTimeOffset now) => new
    {
        id = key.Id,
        name = key.Name,
        role = key.Role,
        tenant = key.Tenant,
        policy = key.Policy,
        attributes = key.Attributes,
        state = StateOf(key, now),
        createdAt = key.CreatedAt,
        expiresAt = key.EndsAt,
        revokedAt = key.RevokedAt,
        lastUsedAt = key.LastUsedAt,
    };

    public static string StateOf(ApiKey key, DateTimeOffset now) => key.RevokedAt is not null ? "revoked" : key.IsGoodAt(now) ? "good" : "expired";

    /// <summary>A new key as the audit log tells it.</summary>
    public static string Told(WantedKey wanted) =>
        $"{wanted.Role.ToString().ToLowerInvariant()}{(wanted.Tenant is null ? "" : " of " + wanted.Tenant)}{(wanted.Grant.Policy is null ? "" : " as " + wanted.Grant.Policy)}{(wanted.ExpiresAt is { } end ? $", until {end:yyyy-MM-dd'T'HH:mm:ss'Z'}" : "")}";

    private static async Task<WantedKey> ReadAsync(HttpContext context, MetricModel model, DateTimeOffset now)
    {
        var form = new QueryForm();
        QueryRoutes.OnlyKnown(context, form);
        KeyBody body;
        try
        {
            body = await JsonSerializer.DeserializeAsync<KeyBody>(context.Request.Body, Strict, context.RequestAborted) ?? new KeyBody(null, null, null, null, null);
        }
        catch (JsonException exception)
        {
            throw new QueryException([new QueryProblem(QueryFormProblems.MalformedJson, $"The body is an object with name, and tenant or role, expires and attributes: {exception.Message}", exception.Path)]);
        }

        var wanted = WantedKey.Read(body.Name, body.Role, body.Tenant, body.Expires, body.Attributes, model, now, form);
        form.ThrowIfAny();
        return wanted!;
    }

    private static ProblemException Unknown(string id) => ProblemException.NotFound(ProblemCodes.UnknownKey, $"There is no key '{QueryForm.Short(id)}' that could be changed.", null);

    private sealed record KeyBody(string? Name, string? Role, string? Tenant, string? Expires, Dictionary<string, string[]>? Attributes);
}
