using System.Security.Cryptography;
using System.Text;

namespace Write.DataPlatform.Api.Charts;

/// <summary>Light, dark, or as the reader's system is set.</summary>
internal enum ChartTheme
{
    Auto,
    Light,
    Dark,
}

/// <summary>How a picture is asked for.</summary>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Theme">Its colours.</param>
internal readonly record struct ChartLook(int Width, ChartTheme Theme)
{
    public const int MinWidth = 240;
    public const int MaxWidth = 2_400;
    public const int DefaultWidth = 800;

    private const string Common = "text{font:12px system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;fill:var(--m)}.t{font-size:15px;font-weight:600;fill:var(--x)}.v{fill:var(--x)}.b{fill:var(--k)}.r{fill:var(--g)}.g{stroke:var(--g)}.l{fill:none;stroke:var(--k);stroke-width:2.2;stroke-linejoin:round}.p{stroke:var(--o);stroke-width:1.8}.o{stroke-dasharray:2 4;stroke-linecap:round}.d{fill:var(--b);stroke:var(--k);stroke-width:2}.k{fill:var(--b)}";
    private const string LightColours = "svg{--b:#fff;--x:#1a2027;--m:#55606c;--g:#e1e6eb;--k:#0b5cad;--o:#76828e}";
    private const string DarkColours = "svg{--b:#171d24;--x:#e7edf3;--m:#a3b0bc;--g:#323c46;--k:#6db3f5;--o:#8b98a5}";

    /// <summary>The picture's style sheet, which is all that it holds beside shapes and words.</summary>
    public string Style => Theme switch
    {
        ChartTheme.Light => LightColours + Common,
        ChartTheme.Dark => DarkColours + Common,
        _ => LightColours + "@media(prefers-color-scheme:dark){" + DarkColours + "}" + Common,
    };

    /// <summary>The content policy of a picture that is opened by itself: nothing but this very style sheet.</summary>
    public string Policy => $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; frame-ancestors 'none'";
}
