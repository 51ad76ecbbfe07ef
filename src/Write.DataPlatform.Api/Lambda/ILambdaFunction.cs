using System.Text.Json;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>What an invocation can be that is no request over HTTP.</summary>
internal interface ILambdaFunction
{
    /// <summary>Whether a payload is meant for it.</summary>
    bool Takes(JsonElement payload);

    /// <summary>Does the work.</summary>
    /// <param name="payload">What it was invoked with.</param>
    /// <param name="left">How long that may take; infinite where nobody says.</param>
    /// <param name="deadline">Tells that Lambda will end it soon: what is half done is put away.</param>
    /// <returns>The answer, JSON.</returns>
    Task<ReadOnlyMemory<byte>> RunAsync(JsonElement payload, TimeSpan left, CancellationToken deadline);
}
