using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>The embedded lake behind a gate that can be shut: then its queries hang until it is opened or they are cancelled, as a lake that does not answer.</summary>
internal sealed class GatedLake(ILake inner) : ILake
{
    private volatile TaskCompletionSource _gate = Open();
    private int _queries;
    private int _cancelled;
    private int _waiting;

    public bool IsShut
    {
        set
        {
            if (value)
            {
                _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            else
            {
                _gate.TrySetResult();
            }
        }
    }

    /// <summary>Queries that began.</summary>
    public int Queries => Volatile.Read(ref _queries);

    /// <summary>Queries that were cancelled at the gate.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    /// <summary>Whether what is asked beside queries passes by the gate.</summary>
    public bool HoldsQueriesAlone { get; set; }

    /// <summary>Which queries do not pass by.</summary>
    public Func<string, bool> Holds { get; set; } = _ => true;

    /// <summary>What stands at the gate.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Counts from here.</summary>
    public void Reset() => (_queries, _cancelled) = (0, 0);

    public SqlDialect Dialect => inner.Dialect;

    /// <summary>Puts it in the place of the lake.</summary>
    public static void Add(IServiceCollection services)
    {
        services.AddSingleton(provider => new GatedLake(new DuckDbLake(provider.GetRequiredService<IOptions<LakeOptions>>().Value, provider.GetRequiredService<TimeProvider>())));
        services.AddSingleton<ILake>(provider => provider.GetRequiredService<GatedLake>());
    }

    public async Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _queries);
        if (Holds(statement.Text))
        {
            await PassAsync(cancellationToken, isQuery: true);
        }

        return await inner.QueryAsync(statement, cancellationToken);
    }

    public async Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default)
    {
        await PassAsync(cancellationToken);
        return await inner.ExportAsync(statement, directory, cancellationToken);
    }

    public async Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default)
    {
        await PassAsync(cancellationToken);
        return await inner.DescribeAsync(table, cancellationToken);
    }

    public void Forget(string table, long before = long.MaxValue) => inner.Forget(table, before);

    public async Task<string?> GetVersionAsync(string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default)
    {
        await PassAsync(cancellationToken);
        return await inner.GetVersionAsync(table, partitionColumn, from, to, cancellationToken);
    }

    private async Task PassAsync(CancellationToken cancellationToken, bool isQuery = false)
    {
        if (HoldsQueriesAlone && !isQuery)
        {
            return;
        }

        Interlocked.Increment(ref _waiting);
        try
        {
            await _gate.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private static TaskCompletionSource Open()
    {
        var gate = new TaskCompletionSource();
        gate.SetResult();
        return gate;
    }
}
