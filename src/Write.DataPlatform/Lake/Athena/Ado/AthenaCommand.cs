using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena.Ado;

/// <summary>A statement whose placeholders are <c>?</c>, in order; with Dapper <c>?name?</c>.</summary>
internal sealed class AthenaCommand : DbCommand
{
    private readonly AthenaParameters _parameters = new();
    private CancellationTokenSource? _running;
    private int? _timeout;

    [AllowNull]
    public override string CommandText { get; set; } = "";

    /// <summary>Seconds until the query is stopped; 0 for as long as Athena lets it run.</summary>
    public override int CommandTimeout
    {
        get => _timeout ?? (DbConnection as AthenaConnection)?.Source.DefaultTimeout ?? 0;
        set => _timeout = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A timeout is at least 0 seconds.");
    }

    public override CommandType CommandType
    {
        get => CommandType.Text;
        set
        {
            if (value != CommandType.Text)
            {
                throw new NotSupportedException("Athena takes SQL alone.");
            }
        }
    }

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource { get; set; }

    protected override DbConnection? DbConnection { get; set; }

    protected override DbParameterCollection DbParameterCollection => _parameters;

    protected override DbTransaction? DbTransaction
    {
        get => null;
        set
        {
            if (value is not null)
            {
                throw new NotSupportedException("Athena has no transactions.");
            }
        }
    }

    /// <summary>Stops the query that runs.</summary>
    public override void Cancel()
    {
        try
        {
            _running?.Cancel();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    public override void Prepare()
    {
    }

    public override int ExecuteNonQuery() => ExecuteNonQueryAsync(CancellationToken.None).GetAwaiter().GetResult();

    public override async Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken)
    {
        await using var result = await RunAsync(cancellationToken);
        return result.UpdateCount is { } count ? checked((int)count) : -1;
    }

    public override object? ExecuteScalar() => ExecuteScalarAsync(CancellationToken.None).GetAwaiter().GetResult();

    public override async Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken)
    {
        await using var reader = await ExecuteDbDataReaderAsync(CommandBehavior.Default, cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? reader.GetValue(0) : null;
    }

    protected override DbParameter CreateDbParameter() => new AthenaParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => ExecuteDbDataReaderAsync(behavior, CancellationToken.None).GetAwaiter().GetResult();

    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) =>
        await AthenaDataReader.OpenAsync(await RunAsync(cancellationToken), behavior.HasFlag(CommandBehavior.CloseConnection) ? DbConnection : null, cancellationToken);

    private async Task<AthenaResult> RunAsync(CancellationToken cancellationToken)
    {
        if (DbConnection is not AthenaConnection { State: ConnectionState.Open } connection)
        {
            throw new InvalidOperationException("The command has no open connection.");
        }

        using var running = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _running = running;
        try
        {
            var sql = AthenaLiterals.Inline(new SqlStatement(CommandText.TrimEnd().TrimEnd(';'), [.. _parameters.Values]));
            var timeout = CommandTimeout == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(CommandTimeout);
            var query = await connection.Source.Queries.RunAsync(sql, timeout, running.Token);
            return await AthenaResult.OpenAsync(connection.Source.Queries, query, running.Token);
        }
        catch (LakeException exception)
        {
            throw new AthenaException(exception);
        }
        finally
        {
            _running = null;
        }
    }
}
