namespace Write.DataPlatform.Tests;

public sealed class ArchitectureTests
{
    [Fact]
    public void True() => Assert.True(true);
}
