global using IAsyncLifetime = Write.DataPlatform.Tests.IAsyncLifetime3;

namespace Write.DataPlatform.Tests;

/// <summary>xunit 3's fixtures, as the tests are written, for xunit 2.</summary>
public interface IAsyncLifetime3 : Xunit.IAsyncLifetime
{
    new ValueTask InitializeAsync();

    new ValueTask DisposeAsync();

    Task Xunit.IAsyncLifetime.InitializeAsync() => InitializeAsync().AsTask();

    Task Xunit.IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();
}

/// <summary>xunit 3's context of a test: nothing cancels a test here.</summary>
internal sealed class TestContext
{
    public static TestContext Current { get; } = new();

    public CancellationToken CancellationToken => CancellationToken.None;

    public object? TestClassInstance => null;
}
