using System.Data.Common;

namespace Write.DataPlatform.Lake.Athena.Ado;

/// <summary>Athena could not answer.</summary>
internal sealed class AthenaException(LakeException reason) : DbException(reason.Message, reason)
{
    /// <inheritdoc />
    public override bool IsTransient { get; } = reason.IsTransient;
}
