using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>The slice's part of the composition.</summary>
internal static class LambdaServices
{
    /// <summary>Puts Lambda in the place of the web server.</summary>
    /// <param name="builder">The host.</param>
    /// <param name="address">The runtime API's.</param>
    /// <param name="works">Whether invocations may refresh and count, too.</param>
    public static void AddLambda(this WebApplicationBuilder builder, string address, bool works)
    {
        var services = builder.Services;
        services.AddOptions<LambdaOptions>().Bind(builder.Configuration.GetSection(LambdaOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<LambdaOptions>, LambdaOptionsValidator>();
        services.AddSingleton(_ => new RuntimeApi(address));
        services.Replace(ServiceDescriptor.Singleton<IServer, LambdaServer>());
        if (works)
        {
            services.TryAddSingleton<StreamPass>();
            services.AddSingleton<ILambdaFunction, KinesisFunction>().AddSingleton<ILambdaFunction, RefreshFunction>();
        }

        // A job would be frozen, and who asks for it may meet another process.
        builder.Configuration["DataPlatform:Answers:MaxJobs"] = "0";
    }
}
