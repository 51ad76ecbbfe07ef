using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Limits;

/// <summary>Marks a route that answers a query, which is counted against the tenant's day and waits for its turn.</summary>
internal sealed record QueryMetadata;

/// <summary>Holds callers to their limits, after they are known and before anything is done for them.</summary>
internal sealed class LimitGate(RequestDelegate next, CallLimits limits, AnswerEndpoint answers)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var endpoint = context.GetEndpoint();
        if (endpoint?.Metadata.GetMetadata<AccessMetadata>() is null)
        {
            await next(context);
            return;
        }

        var caller = CallerGate.Known(context);
        limits.CountRequest(context, caller);
        if (endpoint.Metadata.GetMetadata<QueryMetadata>() is null)
        {
            await next(context);
            return;
        }

        // Who has the answer takes no place, and nothing of the day.
        if (answers.AnswersNotModified(context))
        {
            return;
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            // Who sends his query slowly waits for himself alone, and takes no place.
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            body.Position = 0;
            context.Request.Body = body;
        }

        await limits.RunQueryAsync(context, caller, () => next(context), () => answers.AnswersKnownAsync(context));
    }
}

/// <summary>The slice's part of the composition.</summary>
internal static class LimitServices
{
    public static IServiceCollection AddLimits(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<LimitOptions>().Bind(configuration.GetSection(LimitOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<LimitOptions>, LimitOptionsValidator>();
        services.AddSingleton<ReloadedOptions<LimitOptions>>();
        services.AddSingleton<CallLimits>();
        return services;
    }
}
