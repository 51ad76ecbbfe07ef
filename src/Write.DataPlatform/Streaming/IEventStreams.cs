namespace Write.DataPlatform.Streaming;

/// <summary>The streams of the configured kind, by name.</summary>
public interface IEventStreams
{
    /// <summary>A stream; nothing is asked of it yet. The same object for the same name.</summary>
    /// <exception cref="StreamException">No stream is configured, or the name cannot be one.</exception>
    IEventStream Get(string name);
}
