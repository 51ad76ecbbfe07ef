using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Write.DataPlatform.Api.Rest;

/// <summary>
/// Whether a caller on this machine who shows no key is the operator: as <see cref="WebOptions.LocalOperator"/> says, else only of a server that listens to nobody but this
/// machine. One that others reach has a network, and perhaps a proxy, before it, which makes every caller look local.
/// </summary>
internal sealed class LocalOperator(IServer server, ReloadedOptions<WebOptions> options)
{
    private bool? _listensToItself;

    public bool IsOn => options.Value.LocalOperator ?? (_listensToItself ??= ListensToItself());

    // None are known of a server that does not listen, such as a function's.
    private bool ListensToItself() =>
        server.Features.Get<IServerAddressesFeature>() is { Addresses: { Count: > 0 } addresses } && addresses.All(IsOfThisMachine);

    private static bool IsOfThisMachine(string address)
    {
        var bound = BindingAddress.Parse(address);
        return bound.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(bound.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
    }
}
