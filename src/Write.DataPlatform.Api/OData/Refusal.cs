using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.OData;

/// <summary>What the feed refuses, and how.</summary>
internal static class Refusal
{
    /// <summary>400: the request is wrong.</summary>
    public static ProblemException Bad(string detail) => new(new Problem(StatusCodes.Status400BadRequest, ProblemCodes.BadRequest, detail));

    /// <summary>404: there is no such thing.</summary>
    public static ProblemException Unknown(string detail) => new(new Problem(StatusCodes.Status404NotFound, ProblemCodes.NotFound, detail));

    /// <summary>406: no such format.</summary>
    public static ProblemException Format(string detail) => new(new Problem(StatusCodes.Status406NotAcceptable, ProblemCodes.NotAcceptable, detail));

    /// <summary>501: OData has it, this feed does not.</summary>
    public static ProblemException Unsupported(string detail) => new(new Problem(StatusCodes.Status501NotImplemented, ProblemCodes.NotImplemented, detail));

    /// <summary>410: the pages of a read that began too long ago.</summary>
    public static ProblemException Gone(string why) => new(new Problem(
        StatusCodes.Status410Gone, ProblemCodes.PageExpired, why + " Its pages would not fit together. Start again from the first page: the same address without $skiptoken."));
}
