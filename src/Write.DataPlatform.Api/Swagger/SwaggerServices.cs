using Microsoft.OpenApi;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>The slice's part of the composition.</summary>
internal static class SwaggerServices
{
    public static IServiceCollection AddSwagger(this IServiceCollection services)
    {
        services.AddHttpContextAccessor();
        services.AddOutputCache(options => options.AddBasePolicy(policy => policy.AddPolicy<DocumentPolicy>(), excludeDefaultPolicy: true));
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "Write data platform",
                Version = "v1",
                Description = "Metrics that are defined once and served everywhere with the same value.",
            });
            options.DocInclusionPredicate((_, _) => false);
            options.DocumentFilter<ApiDocument>();
            options.AddSecurityDefinition("bearer", new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "A key of this platform. Calls from the server's own machine need none.",
            });
            options.AddSecurityDefinition("header", new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = Rest.PresentedKey.Header, Description = "The same key" });
            options.AddSecurityDefinition("basic", new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "basic", Description = "The same key as the password of any user" });
            foreach (var scheme in new[] { "header", "basic" })
            {
                options.AddSecurityRequirement(document => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, document)] = [] });
            }

            options.AddSecurityRequirement(document => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("bearer", document)] = [] });
        });
        return services;
    }

    public static void UseSwaggerPages(this WebApplication app)
    {
        app.UseWhen(DocumentPolicy.IsOf, document => document.UseOutputCache());
        app.UseSwagger();
        app.UseSwaggerUI(options =>
        {
            options.SwaggerEndpoint("/swagger/v1/swagger.json", "Write data platform");
            options.DocumentTitle = "Write data platform";
        });
    }
}
