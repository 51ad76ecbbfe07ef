using System.Collections.Immutable;
using Microsoft.OData.Edm;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>OData's functions with the types they take and give.</summary>
internal static class Functions
{
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

    public static RowExpression Cast(RowExpression value, IEdmTypeReference? target)
    {
        RowType type = target?.PrimitiveKind() switch
        {
            EdmPrimitiveTypeKind.String => RowType.String,
            EdmPrimitiveTypeKind.Boolean => RowType.Boolean,
            EdmPrimitiveTypeKind.Byte or EdmPrimitiveTypeKind.SByte or EdmPrimitiveTypeKind.Int16 or EdmPrimitiveTypeKind.Int32 or EdmPrimitiveTypeKind.Int64 => RowType.Int64,
            EdmPrimitiveTypeKind.Single or EdmPrimitiveTypeKind.Double => RowType.Double,
            EdmPrimitiveTypeKind.Decimal => RowType.Decimal(38, 6),
            EdmPrimitiveTypeKind.Date => Date,
            EdmPrimitiveTypeKind.DateTimeOffset => new RowType(RowKind.Timestamp),
            _ => throw Refusal.Unsupported($"This feed does not cast to {target?.FullName()}."),
        };
        return value.Type.Kind == RowKind.Null ? new RowConstant(null, type)
            : value.Type.Kind == RowKind.Duration ? throw Refusal.Unsupported("This feed does not cast durations.")
            : new RowCall(RowFunction.Cast, [value], type);
    }

    private static RowType Usual(string name, int argument) => name.ToLowerInvariant() switch
    {
        "round" or "floor" or "ceiling" => RowType.Double,
        "substring" when argument > 0 => RowType.Int64,
        "totalseconds" => new RowType(RowKind.Duration),
        "year" or "month" or "day" or "hour" or "minute" or "second" or "fractionalseconds" or "date" or "time" or "totaloffsetminutes" => new RowType(RowKind.Timestamp),
        _ => RowType.String,
    };
}
