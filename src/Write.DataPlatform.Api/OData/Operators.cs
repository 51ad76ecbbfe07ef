using System.Collections.Immutable;
using Microsoft.OData.UriParser;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>Operators with the types they take and give.</summary>
internal static class Operators
{
    /// <summary>Digits after the point that a product keeps; beyond, it is a double.</summary>
    private const int MaxScale = 18;

    public static RowExpression Binary(BinaryOperatorKind kind, RowExpression left, RowExpression right) => kind switch
    {
        BinaryOperatorKind.And => Logical(RowFunction.And, left, right),
        BinaryOperatorKind.Or => Logical(RowFunction.Or, left, right),
        BinaryOperatorKind.Equal => Compare(RowFunction.Equal, left, right),
        BinaryOperatorKind.NotEqual => Compare(RowFunction.NotEqual, left, right),
        BinaryOperatorKind.LessThan => Compare(RowFunction.Less, left, right),
        BinaryOperatorKind.LessThanOrEqual => Compare(RowFunction.LessOrEqual, left, right),
        BinaryOperatorKind.GreaterThan => Compare(RowFunction.Greater, left, right),
        BinaryOperatorKind.GreaterThanOrEqual => Compare(RowFunction.GreaterOrEqual, left, right),
        BinaryOperatorKind.Add => Arithmetic(RowFunction.Add, left, right),
        BinaryOperatorKind.Subtract => Arithmetic(RowFunction.Subtract, left, right),
        BinaryOperatorKind.Multiply => Arithmetic(RowFunction.Multiply, left, right),
        BinaryOperatorKind.Divide => Arithmetic(RowFunction.Divide, left, right),
        BinaryOperatorKind.Modulo => Arithmetic(RowFunction.Modulo, left, right),
        _ => throw Refusal.Unsupported($"This feed has no operator {kind}."),
    };

    public static RowExpression Unary(UnaryOperatorKind kind, RowExpression operand) => kind switch
    {
        UnaryOperatorKind.Not => new RowCall(RowFunction.Not, [Boolean(operand)], RowType.Boolean),
        UnaryOperatorKind.Negate when operand is RowConstant { Value: long.MinValue } => throw Refusal.Bad("The number is too large."),
        UnaryOperatorKind.Negate when operand.Type.IsNumeric || operand.Type.Kind == RowKind.Duration => new RowCall(RowFunction.Negate, [operand], operand.Type),
        UnaryOperatorKind.Negate when operand.Type.Kind == RowKind.Null => operand,
        _ => throw Refusal.Bad($"There is no negative of {operand.Type.Kind}."),
    };

    public static RowExpression In(RowExpression value, ImmutableArray<RowExpression> list)
    {
        foreach (var item in list)
        {
            CheckComparable(value, item);
        }

        return new RowCall(RowFunction.In, [Beside(value, list.FirstOrDefault(i => i.Type.Kind != RowKind.Null) ?? value), .. list], RowType.Boolean);
    }

    public static RowExpression Compare(RowFunction function, RowExpression left, RowExpression right)
    {
        CheckComparable(left, right);
        return new RowCall(function, [Beside(left, right), Beside(right, left)], RowType.Boolean);
    }

    public static RowExpression Arithmetic(RowFunction function, RowExpression left, RowExpression right)
    {
        if (left.Type.Kind == RowKind.Null || right.Type.Kind == RowKind.Null)
        {
            var other = left.Type.Kind == RowKind.Null ? right.Type : left.Type;
            return new RowConstant(null, other.Kind == RowKind.Null ? RowType.Int64 : other);
        }

        return new RowCall(function, [left, right], left.Type.IsNumeric && right.Type.IsNumeric ? NumberType(function, left.Type, right.Type) : TimeType(function, left.Type.Kind, right.Type.Kind));
    }

    /// <summary>The quotient of any two numbers as a double.</summary>
    public static RowExpression DivideBy(RowExpression left, RowExpression right)
    {
        RowExpression Number(RowExpression side) => side.Type.Kind == RowKind.Null ? new RowConstant(null, RowType.Double)
            : side.Type.IsNumeric ? side
            : throw Refusal.Bad($"divby is for numbers and not for {side.Type.Kind}.");
        return new RowCall(RowFunction.Divide, [Number(left), Number(right)], RowType.Double);
    }

    /// <summary>The value of the first condition that is true; null if none is.</summary>
    public static RowExpression Case(ImmutableArray<RowExpression> conditions, ImmutableArray<RowExpression> values)
    {
        var type = values.Select(v => v.Type).Aggregate(Common);
        if (type.Kind == RowKind.Null)
        {
            return new RowConstant(null, type);
        }

        return new RowCall(RowFunction.Case, [.. conditions.Zip(values, (c, v) => new[] { Boolean(c), v.Type.Kind == RowKind.Null ? new RowConstant(null, type) : v }).SelectMany(p => p)], type);
    }

    /// <summary>The type that holds values of both.</summary>
    private static RowType Common(RowType left, RowType right) => (left.Kind, right.Kind) switch
    {
        _ when left == right || right.Kind == RowKind.Null => left,
        (RowKind.Null, _) => right,
        (RowKind.Double, _) or (_, RowKind.Double) when left.IsNumeric && right.IsNumeric => RowType.Double,
        _ when left.IsNumeric && right.IsNumeric => RowType.Decimal(38, Math.Max(left.Scale, right.Scale)),
        (RowKind.Date, RowKind.Timestamp) or (RowKind.Timestamp, RowKind.Date) => new RowType(RowKind.Timestamp),
        _ => throw Refusal.Bad($"A case is either {left.Kind} or {right.Kind}, not both."),
    };

    /// <summary>A bare null as one of the other side's type.</summary>
    private static RowExpression Beside(RowExpression value, RowExpression other) =>
        value.Type.Kind == RowKind.Null ? new RowConstant(null, other.Type.Kind == RowKind.Null ? RowType.String : other.Type) : value;

    private static RowCall Logical(RowFunction function, RowExpression left, RowExpression right) => new(function, [Boolean(left), Boolean(right)], RowType.Boolean);

    private static RowExpression Boolean(RowExpression value) => value.Type.Kind switch
    {
        RowKind.Boolean => value,
        RowKind.Null => new RowConstant(null, RowType.Boolean),
        _ => throw Refusal.Bad($"{value.Type.Kind} is no condition."),
    };

    private static void CheckComparable(RowExpression left, RowExpression right)
    {
        static int Family(RowType type) => type.Kind switch
        {
            RowKind.Int64 or RowKind.Double or RowKind.Decimal => 1,
            RowKind.Date or RowKind.Timestamp => 2,
            var kind => 10 + (int)kind,
        };
        if (left.Type.Kind != RowKind.Null && right.Type.Kind != RowKind.Null && Family(left.Type) != Family(right.Type))
        {
            throw Refusal.Bad($"{left.Type.Kind} and {right.Type.Kind} cannot be compared.");
        }
    }

    private static RowType NumberType(RowFunction function, RowType left, RowType right)
    {
        if (left.Kind == RowKind.Double || right.Kind == RowKind.Double)
        {
            return RowType.Double;
        }

        if (left.Kind == RowKind.Int64 && right.Kind == RowKind.Int64)
        {
            return RowType.Int64;
        }

        var scale = function == RowFunction.Multiply ? left.Scale + right.Scale : Math.Max(left.Scale, right.Scale);
        return function == RowFunction.Divide || scale > MaxScale ? RowType.Double : RowType.Decimal(38, scale);
    }

    private static RowType TimeType(RowFunction function, RowKind left, RowKind right) => (function, left, right) switch
    {
        (RowFunction.Add or RowFunction.Subtract, RowKind.Timestamp or RowKind.Date or RowKind.Duration, RowKind.Duration) => new RowType(left),
        (RowFunction.Add, RowKind.Duration, RowKind.Timestamp or RowKind.Date) => new RowType(right),
        (RowFunction.Subtract, RowKind.Timestamp or RowKind.Date, RowKind.Timestamp or RowKind.Date) => new RowType(RowKind.Duration),
        _ => throw Refusal.Bad($"{function} is not for {left} and {right}."),
    };
}
