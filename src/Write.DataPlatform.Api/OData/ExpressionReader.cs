using System.Collections.Immutable;
using Microsoft.OData.Edm;
using Microsoft.OData.UriParser;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>
/// Reads expressions over some columns. OData's own parser reads the text against a type of exactly those columns; what it makes of numbers is put right
/// here: it takes whole numbers beside fractions for floats and cuts fractions in lists.
/// </summary>
internal sealed class ExpressionReader
{
    private const string Namespace = "Rows";
    private const int MaxListValues = 2_000;
    private const int MaxTermLength = 1_000;

    private static readonly ODataUriResolver Resolver = new() { EnableCaseInsensitive = true, EnableNoDollarQueryOptions = true };

    private readonly EdmModel _model = new();
    private readonly EdmEntityType _type;
    private readonly EdmEntitySet _set;
    private readonly Dictionary<string, RowColumn> _columns;
    private readonly DateTime _now;

    /// <param name="columns">The columns there are.</param>
    /// <param name="now">What <c>now()</c> is.</param>
    public ExpressionReader(ImmutableArray<RowColumn> columns, DateTimeOffset now)
    {
        _now = new DateTime(now.UtcTicks / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond, DateTimeKind.Utc);
        _columns = columns.ToDictionary(c => c.Name, StringComparer.Ordinal);
        _type = new EdmEntityType(Namespace, "Row");
        foreach (var column in columns)
        {
            _type.AddStructuralProperty(column.Name, EdmTypes.Of(column.Type, isNullable: true));
        }

        _model.AddElement(_type);
        var container = new EdmEntityContainer(Namespace, "Container");
        _set = container.AddEntitySet("Rows", _type);
        _model.AddElement(container);
    }

    /// <summary>A condition.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public RowExpression Filter(string text)
    {
        var condition = Parse("$filter", text, parser => Read(parser.ParseFilter().Expression));
        return condition.Type.Kind is RowKind.Boolean or RowKind.Null ? Typed(condition, RowType.Boolean) : throw Refusal.Bad($"The filter '{QueryForm.Short(text)}' is no condition.");
    }

    /// <summary>An order.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public ImmutableArray<RowOrder> OrderBy(string text) => Parse("$orderby", text, parser =>
    {
        var order = ImmutableArray.CreateBuilder<RowOrder>();
        for (var clause = parser.ParseOrderBy(); clause is not null; clause = clause.ThenBy)
        {
            order.Add(new RowOrder(Typed(Read(clause.Expression), RowType.String), clause.Direction == OrderByDirection.Descending));
        }

        return order.ToImmutable();
    });

    /// <summary>Any one value.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public RowExpression Value(string text) => OrderBy(text) is [{ Descending: false } only] ? only.Value : throw Refusal.Bad($"'{QueryForm.Short(text)}' is not one expression.");

    /// <summary>Rows whose texts hold the words.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public RowExpression Search(string text) => Parse("$search", text, parser => Search(parser.ParseSearch().Expression));

    private T Parse<T>(string option, string text, Func<ODataQueryOptionParser, T> parse)
    {
        try
        {
            var parser = new ODataQueryOptionParser(_model, _type, _set, new Dictionary<string, string> { [option] = text }) { Resolver = Resolver };
            return parse(parser);
        }
        catch (Exception exception) when (exception is not ProblemException and not OutOfMemoryException)
        {
            // The parser has exceptions of many types for texts it does not like.
            throw Refusal.Bad($"{option} '{QueryForm.Short(text)}' cannot be read: {QueryForm.Short(exception.Message)}");
        }
    }

    private RowExpression Search(QueryNode node) => node switch
    {
        SearchTermNode { Text.Length: <= MaxTermLength } term => _columns.Values.Where(c => c.Type.Kind == RowKind.String)
            .Select(RowExpression (c) => new RowCall(RowFunction.Contains, [new RowCall(RowFunction.ToLower, [new RowColumnValue(c.Name, c.Type)], RowType.String), Text(term.Text.ToLowerInvariant())], RowType.Boolean))
            // A column without a text holds no word, and the negation of that is true.
            .Select(RowExpression (c) => new RowCall(RowFunction.Equal, [c, new RowConstant(true, RowType.Boolean)], RowType.Boolean))
            .Aggregate(RowExpression (a, b) => new RowCall(RowFunction.Or, [a, b], RowType.Boolean)),
        BinaryOperatorNode { OperatorKind: BinaryOperatorKind.And or BinaryOperatorKind.Or } both =>
            new RowCall(both.OperatorKind == BinaryOperatorKind.And ? RowFunction.And : RowFunction.Or, [Search(both.Left), Search(both.Right)], RowType.Boolean),
        UnaryOperatorNode { OperatorKind: UnaryOperatorKind.Not } not => new RowCall(RowFunction.Not, [Search(not.Operand)], RowType.Boolean),
        _ => throw Refusal.Bad("The search cannot be read."),
    };

    private RowExpression Read(QueryNode node)
    {
        switch (node)
        {
            case ConvertNode convert:
                return Read(convert.Source);
            case ConstantNode constant:
                return Literals.Of(constant.Value, constant.LiteralText);
            case SingleValuePropertyAccessNode property:
                var column = _columns[property.Property.Name];
                return new RowColumnValue(column.Name, column.Type);
            case BinaryOperatorNode binary:
                return Operators.Binary(binary.OperatorKind, Read(binary.Left), Read(binary.Right));
            case UnaryOperatorNode unary:
                return Operators.Unary(unary.OperatorKind, Read(unary.Operand));
            case InNode { Right: CollectionConstantNode list } test:
                var values = Literals.List(list.LiteralText);
                return values.Length <= MaxListValues ? Operators.In(Read(test.Left), values) : throw Refusal.Bad($"A list has at most {MaxListValues} values.");
            case SingleValueFunctionCallNode { Name: "cast" } cast:
                return Functions.Cast(Read(cast.Parameters.First()), cast.TypeReference);
            case SingleValueFunctionCallNode call:
                return Functions.Call(call.Name, [.. call.Parameters.Select(Read)], _now);
            default:
                throw Refusal.Unsupported($"This feed cannot compute {node.Kind}.");
        }
    }

    private static RowExpression Typed(RowExpression value, RowType type) => value is RowConstant { Value: null } ? new RowConstant(null, type) : value;

    private static RowConstant Text(string value) => new(value, RowType.String);
}

/// <summary>Types of rows as EDM has them.</summary>
internal static class EdmTypes
{
    public static EdmPrimitiveTypeKind Kind(RowType type) => type.Kind switch
    {
        RowKind.String or RowKind.Null => EdmPrimitiveTypeKind.String,
        RowKind.Boolean => EdmPrimitiveTypeKind.Boolean,
        RowKind.Int64 => EdmPrimitiveTypeKind.Int64,
        RowKind.Double => EdmPrimitiveTypeKind.Double,
        RowKind.Decimal => EdmPrimitiveTypeKind.Decimal,
        RowKind.Date => EdmPrimitiveTypeKind.Date,
        RowKind.Timestamp => EdmPrimitiveTypeKind.DateTimeOffset,
        RowKind.TimeOfDay => EdmPrimitiveTypeKind.TimeOfDay,
        RowKind.Duration => EdmPrimitiveTypeKind.Duration,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static IEdmPrimitiveTypeReference Of(RowType type, bool isNullable) => type.Kind switch
    {
        RowKind.Decimal => EdmCoreModel.Instance.GetDecimal(type.Precision, type.Scale, isNullable),
        RowKind.Timestamp => EdmCoreModel.Instance.GetTemporal(EdmPrimitiveTypeKind.DateTimeOffset, 6, isNullable),
        RowKind.TimeOfDay => EdmCoreModel.Instance.GetTemporal(EdmPrimitiveTypeKind.TimeOfDay, 6, isNullable),
        _ => EdmCoreModel.Instance.GetPrimitive(Kind(type), isNullable),
    };
}
