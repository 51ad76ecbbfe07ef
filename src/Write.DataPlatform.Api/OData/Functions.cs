using System.Collections.Immutable;
using Microsoft.OData.Edm;
using Microsoft.OData.UriParser;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>OData's functions with the types they take and give.</summary>
internal static class Functions
{
    /// <summary>Digits after the point of a decimal that was a text or a double.</summary>
    private const int CastScale = 12;

    private static readonly RowType Date = new(RowKind.Date);
    private static readonly RowType Time = new(RowKind.TimeOfDay);

    public static RowExpression Call(string name, ImmutableArray<RowExpression> arguments, DateTime now)
    {
        switch (name.ToLowerInvariant())
        {
            case "now":
                return new RowConstant(now, new RowType(RowKind.Timestamp));
            case "mindatetime":
                return new RowConstant(DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc), new RowType(RowKind.Timestamp));
            case "maxdatetime":
                return Literals.Instant(DateTimeOffset.MaxValue);
        }

        // A function of null is null, whatever its type.
        arguments = [.. arguments.Select((a, i) => a is RowConstant { Value: null, Type.Kind: RowKind.Null } ? new RowConstant(null, Usual(name, i)) : a)];
        return name.ToLowerInvariant() switch
        {
            "contains" => Text(RowFunction.Contains, RowType.Boolean),
            "startswith" => Text(RowFunction.StartsWith, RowType.Boolean),
            "endswith" => Text(RowFunction.EndsWith, RowType.Boolean),
            "matchespattern" => Text(RowFunction.Matches, RowType.Boolean),
            "concat" => Text(RowFunction.Concat, RowType.String),
            "indexof" => Text(RowFunction.IndexOf, RowType.Int64),
            "length" => Text(RowFunction.Length, RowType.Int64),
            "tolower" => Text(RowFunction.ToLower, RowType.String),
            "toupper" => Text(RowFunction.ToUpper, RowType.String),
            "trim" => Text(RowFunction.Trim, RowType.String),
            "substring" when arguments[0].Type.Kind == RowKind.String && arguments.Skip(1).All(a => a.Type.Kind == RowKind.Int64) => new RowCall(RowFunction.Substring, arguments, RowType.String),
            "year" => Of(RowFunction.Year, RowType.Int64, RowKind.Date, RowKind.Timestamp),
            "month" => Of(RowFunction.Month, RowType.Int64, RowKind.Date, RowKind.Timestamp),
            "day" => Of(RowFunction.Day, RowType.Int64, RowKind.Date, RowKind.Timestamp),
            "hour" => Of(RowFunction.Hour, RowType.Int64, RowKind.Timestamp, RowKind.TimeOfDay),
            "minute" => Of(RowFunction.Minute, RowType.Int64, RowKind.Timestamp, RowKind.TimeOfDay),
            "second" => Of(RowFunction.Second, RowType.Int64, RowKind.Timestamp, RowKind.TimeOfDay),
            "fractionalseconds" => Of(RowFunction.FractionalSeconds, RowType.Decimal(38, 6), RowKind.Timestamp, RowKind.TimeOfDay),
            "date" => Of(RowFunction.Date, Date, RowKind.Timestamp, RowKind.Date),
            "time" => Of(RowFunction.Time, Time, RowKind.Timestamp),
            "totaloffsetminutes" => Of(RowFunction.TotalOffsetMinutes, RowType.Int64, RowKind.Timestamp),
            "totalseconds" => Of(RowFunction.TotalSeconds, RowType.Decimal(38, 6), RowKind.Duration),
            "round" => Number(RowFunction.Round),
            "floor" => Number(RowFunction.Floor),
            "ceiling" => Number(RowFunction.Ceiling),
            _ => throw Refusal.Unsupported($"This feed has no function {QueryForm.Short(name)} of {string.Join(", ", arguments.Select(a => a.Type.Kind))}."),
        };

        RowCall Text(RowFunction function, RowType result) => arguments.All(a => a.Type.Kind == RowKind.String)
            ? new RowCall(function, arguments, result)
            : throw Refusal.Bad($"{name} is for texts and not for {string.Join(", ", arguments.Select(a => a.Type.Kind))}.");

        RowCall Of(RowFunction function, RowType result, params RowKind[] kinds) => arguments is [var only] && kinds.Contains(only.Type.Kind)
            ? new RowCall(function, arguments, result)
            : throw Refusal.Bad($"{name} is for {string.Join(" or ", kinds)} and not for {string.Join(", ", arguments.Select(a => a.Type.Kind))}.");

        RowCall Number(RowFunction function) => arguments is [{ Type.IsNumeric: true } only]
            ? new RowCall(function, arguments, only.Type.Kind == RowKind.Decimal ? RowType.Decimal(only.Type.Precision, 0) : only.Type)
            : throw Refusal.Bad($"{name} is for numbers and not for {string.Join(", ", arguments.Select(a => a.Type.Kind))}.");
    }

    /// <summary>A value as one of another type, null where it is none.</summary>
    public static RowExpression Cast(RowExpression value, IEdmTypeReference? target)
    {
        var name = target?.FullName() ?? "";
        var (type, least, most) = Target(name, value.Type);
        if (value.Type.Kind == RowKind.Null)
        {
            return new RowConstant(null, type);
        }

        if (!CanCast(value.Type.Kind, type.Kind))
        {
            throw Refusal.Bad($"No {value.Type.Kind} is ever an {QueryForm.Short(name)}.");
        }

        var cast = new RowCall(RowFunction.Cast, [value], type);
        return least == long.MinValue
            ? cast
            : Operators.Case([Operators.Binary(BinaryOperatorKind.And, Bound(RowFunction.GreaterOrEqual, least), Bound(RowFunction.LessOrEqual, most))], [cast]);

        RowExpression Bound(RowFunction function, long bound) => Operators.Compare(function, cast, new RowConstant(bound, RowType.Int64));
    }

    /// <summary>Whether a value is there and of a type, which for all values but null is known before.</summary>
    public static RowExpression IsOf(RowExpression value, string name)
    {
        if (name is not "Edm.PrimitiveType" && EdmCoreModel.Instance.FindDeclaredType(name) is not IEdmPrimitiveType)
        {
            throw Refusal.Unsupported($"This feed has no values of type {QueryForm.Short(name)}.");
        }

        return name == "Edm.PrimitiveType" || (value.Type.Kind != RowKind.Null && name == "Edm." + EdmTypes.Kind(value.Type))
            ? Operators.Compare(RowFunction.NotEqual, value, new RowConstant(null, new RowType(RowKind.Null)))
            : new RowConstant(false, RowType.Boolean);
    }

    /// <summary>The type that a cast gives, and the bounds of the whole numbers among them.</summary>
    private static (RowType Type, long Least, long Most) Target(string name, RowType source)
    {
        (RowType, long, long) Whole(long least, long most) => (RowType.Int64, least, most);
        (RowType, long, long) Plain(RowType type) => (type, long.MinValue, long.MaxValue);
        return name switch
        {
            "Edm.String" => Plain(RowType.String),
            "Edm.Boolean" => Plain(RowType.Boolean),
            "Edm.Byte" => Whole(byte.MinValue, byte.MaxValue),
            "Edm.SByte" => Whole(sbyte.MinValue, sbyte.MaxValue),
            "Edm.Int16" => Whole(short.MinValue, short.MaxValue),
            "Edm.Int32" => Whole(int.MinValue, int.MaxValue),
            "Edm.Int64" => Plain(RowType.Int64),
            "Edm.Single" or "Edm.Double" => Plain(RowType.Double),
            "Edm.Decimal" => Plain(source.Kind == RowKind.Decimal ? source : source.Kind == RowKind.Int64 ? RowType.Decimal(38, 0) : RowType.Decimal(38, CastScale)),
            "Edm.Date" => Plain(Date),
            "Edm.TimeOfDay" => Plain(Time),
            "Edm.DateTimeOffset" => Plain(new RowType(RowKind.Timestamp)),
            _ => throw Refusal.Unsupported($"This feed does not cast to {QueryForm.Short(name)}."),
        };
    }

    private static bool CanCast(RowKind from, RowKind to) => from == to || (from, to) switch
    {
        (RowKind.Duration, _) => throw Refusal.Unsupported("This feed does not cast durations."),
        (RowKind.String, _) or (_, RowKind.String) => true,
        (RowKind.Int64 or RowKind.Double or RowKind.Decimal, RowKind.Int64 or RowKind.Double or RowKind.Decimal) => true,
        (RowKind.Timestamp, RowKind.Date or RowKind.TimeOfDay) => true,
        (RowKind.Date, RowKind.Timestamp) => true,
        _ => false,
    };

    private static RowType Usual(string name, int argument) => name.ToLowerInvariant() switch
    {
        "round" or "floor" or "ceiling" => RowType.Double,
        "substring" when argument > 0 => RowType.Int64,
        "totalseconds" => new RowType(RowKind.Duration),
        "year" or "month" or "day" or "hour" or "minute" or "second" or "fractionalseconds" or "date" or "time" or "totaloffsetminutes" => new RowType(RowKind.Timestamp),
        _ => RowType.String,
    };
}
