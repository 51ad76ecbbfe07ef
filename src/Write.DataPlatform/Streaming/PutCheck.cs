using System.Text;

namespace Write.DataPlatform.Streaming;

/// <summary>What every stream refuses.</summary>
internal static class PutCheck
{
    /// <summary>Why a record is refused; null if it is not.</summary>
    public static PutResult? Refuse(PutRecord record)
    {
        if (record.PartitionKey.Length is 0 or > IEventStream.MaxPartitionKeyLength)
        {
            return Refused(
                StreamErrorCodes.PartitionKeyInvalid,
                $"The partition key has {record.PartitionKey.Length} characters; 1 to {IEventStream.MaxPartitionKeyLength} are allowed.");
        }

        var bytes = (long)record.Data.Length + Encoding.UTF8.GetByteCount(record.PartitionKey);
        return bytes > IEventStream.MaxRecordBytes
            ? Refused(StreamErrorCodes.RecordTooLarge, $"The record has {bytes} bytes with its partition key; {IEventStream.MaxRecordBytes} are allowed.")
            : null;
    }

    private static PutResult Refused(string code, string message) => new(null, null, new StreamError(code, message, IsTransient: false));
}
