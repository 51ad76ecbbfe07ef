using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Write.DataPlatform.Lake.Athena.Ado;

internal sealed class AthenaConnection(AthenaDataSource source) : DbConnection
{
    private ConnectionState _state;

    [AllowNull]
    public override string ConnectionString
    {
        get => source.ConnectionString;
        set => throw new NotSupportedException("The data source says where the connection goes.");
    }

    public override string Database => source.Database;

    public override string DataSource => source.Workgroup;

    public override string ServerVersion => "Athena engine version 3";

    public override ConnectionState State => _state;

    internal AthenaDataSource Source => source;

    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException("Name the database in the statement, as in \"web\".\"visits\".");

    public override void Open() => Move(ConnectionState.Open);

    public override Task OpenAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Open();
        return Task.CompletedTask;
    }

    public override void Close() => Move(ConnectionState.Closed);

    protected override void Dispose(bool disposing)
    {
        Close();
        base.Dispose(disposing);
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => throw new NotSupportedException("Athena has no transactions.");

    protected override DbCommand CreateDbCommand() => new AthenaCommand { Connection = this };

    private void Move(ConnectionState to)
    {
        var from = _state;
        _state = to;
        if (from != to)
        {
            OnStateChange(new StateChangeEventArgs(from, to));
        }
    }
}
