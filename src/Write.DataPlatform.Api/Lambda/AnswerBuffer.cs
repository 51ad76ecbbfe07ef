namespace Write.DataPlatform.Api.Lambda;

/// <summary>Keeps an answer until it is whole, and no more of it than can be sent.</summary>
internal sealed class AnswerBuffer(int maxBytes) : WriteOnlyStream
{
    private readonly MemoryStream _content = new();

    /// <summary>Whether more was written than can be sent.</summary>
    public bool IsOverfull { get; private set; }

    public ReadOnlySpan<byte> Content => _content.GetBuffer().AsSpan(0, (int)_content.Length);

    /// <exception cref="IOException">It is too much.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_content.Length + buffer.Length > maxBytes)
        {
            IsOverfull = true;
            throw new IOException($"The answer has more than {maxBytes} bytes.");
        }

        _content.Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _content.Dispose();
        }

        base.Dispose(disposing);
    }
}
