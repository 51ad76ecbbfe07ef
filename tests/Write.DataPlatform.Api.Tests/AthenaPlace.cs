using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.Tests.Lake.Athena;

namespace Write.DataPlatform.Api.Tests;

/// <summary>An Athena and an S3 on this computer over a lake's folder, and the settings of a server that uses them.</summary>
internal sealed class AthenaPlace : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-athena-").FullName;
    private AthenaStandInOptions _options = null!;

    public AthenaServer Server { get; private set; } = null!;

    public FakeS3 S3 { get; private set; } = null!;

    /// <summary>All through configuration files and profiles, as in production.</summary>
    public (string Key, string Value)[] Settings { get; private set; } = [];

    public static async Task<AthenaPlace> StartAsync(string lake)
    {
        var place = new AthenaPlace();
        var s3 = Path.Combine(place._folder, "s3");
        place._options = new AthenaStandInOptions { LakePath = lake, OutputPath = s3 };
        place.S3 = await FakeS3.StartAsync(s3);
        await place.BringBackAsync();
        place._options = place._options with { Port = place.Server.Url.Port };
        var profiles = Path.Combine(place._folder, "credentials");
        await File.WriteAllTextAsync(profiles, "[tests]\naws_access_key_id = AKIDTESTS\naws_secret_access_key = secret\n", TestContext.Current.CancellationToken);
        place.Settings =
        [
            ("DataPlatform:Lake:Kind", "Athena"),
            ("DataPlatform:Lake:Athena:OutputLocation", "s3://results/out/"),
            ("AWS:Region", "eu-central-1"),
            ("AWS:Profile", "tests"),
            ("AWS:ProfilesLocation", profiles),
            ("AWS:Athena:ServiceURL", place.Server.Url.ToString()),
            ("AWS:S3:ServiceURL", place.S3.Url),
            ("AWS:S3:ForcePathStyle", "true"),
        ];
        return place;
    }

    /// <summary>Starts Athena, at the address where it was.</summary>
    public async Task BringBackAsync() => Server = await AthenaServer.StartAsync(_options, cancellationToken: TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await S3.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
