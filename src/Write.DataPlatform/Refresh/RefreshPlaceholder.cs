#pragma warning disable IDE0060
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Refresh;

internal sealed record RefreshProgress(string RunId, string Table, int Total, int Done, int Failed, long Rows, long Bytes, long BytesScanned, string? Period);

internal sealed class RefreshService
{
    public Task<RefreshRun> StartAsync(string table, RefreshRange range, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<RefreshRun> RunAsync(string table, RefreshRange range, RunTrigger trigger, IProgress<RefreshProgress>? progress, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}

internal sealed class RefreshScheduler : BackgroundService
{
    public DateTimeOffset? LastLook => null;

    public DateTimeOffset? NextRun(string table) => null;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.CompletedTask;
}

internal static class RefreshServices
{
    public static IServiceCollection AddRefresh(this IServiceCollection services, IConfiguration configuration) => services.AddSingleton<RefreshService>();
}
