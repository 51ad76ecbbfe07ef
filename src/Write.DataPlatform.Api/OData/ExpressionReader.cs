using System.Collections.Immutable;
using System.Globalization;
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

    /// <summary>How many texts are read; a case within a case is read several times.</summary>
    private const int MaxTexts = 1_000;

    private static readonly ODataUriResolver Resolver = new() { EnableCaseInsensitive = true, EnableNoDollarQueryOptions = true };

    private readonly EdmModel _model = new();
    private readonly EdmEntityType _type;
    private readonly EdmEntitySet _set;
    private readonly Dictionary<string, RowColumn> _columns;
    private readonly DateTime _now;

    /// <summary>What the names in a text stand for that are no columns.</summary>
    private readonly Dictionary<string, RowExpression> _computed = new(StringComparer.Ordinal);

    private int _texts;

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

    public bool HasColumn(string name) => _columns.ContainsKey(name);

    /// <summary>A condition.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public RowExpression Filter(string text)
    {
        var condition = Parse("$filter", text, (parser, read) => read(parser.ParseFilter().Expression));
        return condition.Type.Kind is RowKind.Boolean or RowKind.Null ? Typed(condition, RowType.Boolean) : throw Refusal.Bad($"The filter '{QueryForm.Short(text)}' is no condition.");
    }

    /// <summary>An order.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public ImmutableArray<RowOrder> OrderBy(string text) => Parse("$orderby", text, (parser, read) =>
    {
        var order = ImmutableArray.CreateBuilder<RowOrder>();
        for (var clause = parser.ParseOrderBy(); clause is not null; clause = clause.ThenBy)
        {
            order.Add(new RowOrder(Typed(read(clause.Expression), RowType.String), clause.Direction == OrderByDirection.Descending));
        }

        return order.ToImmutable();
    });

    /// <summary>Any one value.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public RowExpression Value(string text) => Parse("$orderby", text, (parser, read) => parser.ParseOrderBy() is { ThenBy: null, Direction: OrderByDirection.Ascending } only
        ? read(only.Expression)
        : throw Refusal.Bad($"'{QueryForm.Short(text)}' is not one expression."));

    /// <summary>Rows whose texts hold the words.</summary>
    /// <exception cref="ProblemException">400 or 501.</exception>
    public RowExpression Search(string text) => Parse(new Dictionary<string, string> { ["$search"] = text }, parser => Search(parser.ParseSearch().Expression), "$search", text);

    /// <summary>Reads a text; if it cannot be read, once more with its durations named.</summary>
    private T Parse<T>(string option, string text, Func<ODataQueryOptionParser, Func<QueryNode, RowExpression>, T> parse)
    {
        try
        {
            return ParseOnce(option, text, parse);
        }
        catch (ProblemException refused) when (refused.Problem.Status == StatusCodes.Status400BadRequest && ExpressionText.WithDurations(text) is var named && named != text)
        {
            return ParseOnce(option, named, parse);
        }
    }

    private T ParseOnce<T>(string option, string text, Func<ODataQueryOptionParser, Func<QueryNode, RowExpression>, T> parse)
    {
        if (++_texts > MaxTexts)
        {
            throw Refusal.Bad("The expression is too complex.");
        }

        var plain = ExpressionText.Of(text, this, NameOf);
        return Parse(new Dictionary<string, string> { [option] = plain.Text }, parser =>
        {
            var nodes = new NodeReader(this, plain.Divisions);
            var result = parse(parser, nodes.Read);
            return nodes.HasAllDivisions ? result : throw Refusal.Bad($"'{QueryForm.Short(text)}' has a divby that is no operator.");
        }, option, text);
    }

    private T Parse<T>(Dictionary<string, string> options, Func<ODataQueryOptionParser, T> parse, string option, string text)
    {
        try
        {
            return parse(new ODataQueryOptionParser(_model, _type, _set, options) { Resolver = Resolver });
        }
        catch (Exception exception) when (exception is not ProblemException and not OutOfMemoryException)
        {
            // The parser has exceptions of many types for texts it does not like.
            throw Refusal.Bad($"{option} '{QueryForm.Short(text)}' cannot be read: {QueryForm.Short(exception.Message)}");
        }
    }

    private string NameOf(RowExpression value)
    {
        var name = "case__" + _computed.Count.ToString(CultureInfo.InvariantCulture);
        while (_columns.ContainsKey(name))
        {
            name += "_";
        }

        _computed.Add(name, value);
        _type.AddStructuralProperty(name, EdmTypes.Of(value.Type, isNullable: true));
        return name;
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

    private static RowExpression Typed(RowExpression value, RowType type) => value is RowConstant { Value: null } ? new RowConstant(null, type) : value;

    private static RowConstant Text(string value) => new(value, RowType.String);

    /// <summary>Reads what the parser made of one text, its divisions from left to right.</summary>
    private sealed class NodeReader(ExpressionReader expressions, ImmutableArray<bool> divisions)
    {
        private int _division;

        /// <summary>Whether every division of the text was met as one.</summary>
        public bool HasAllDivisions => divisions.IsEmpty || _division == divisions.Length;

        public RowExpression Read(QueryNode node)
        {
            switch (node)
            {
                case ConvertNode convert:
                    return Read(convert.Source);
                case ConstantNode constant:
                    return Literals.Of(constant.Value, constant.LiteralText);
                case SingleValuePropertyAccessNode property:
                    return Column(property.Property.Name);
                case BinaryOperatorNode { OperatorKind: BinaryOperatorKind.Divide } division:
                    return Divide(division);
                case BinaryOperatorNode binary:
                    return Operators.Binary(binary.OperatorKind, Read(binary.Left), Read(binary.Right));
                case UnaryOperatorNode unary:
                    return Operators.Unary(unary.OperatorKind, Read(unary.Operand));
                case InNode { Right: CollectionConstantNode list } test:
                    var values = Literals.List(list.LiteralText);
                    return values.Length <= MaxListValues ? Operators.In(Read(test.Left), values) : throw Refusal.Bad($"A list has at most {MaxListValues} values.");
                case SingleValueFunctionCallNode { Name: "cast" } cast:
                    return Functions.Cast(Read(cast.Parameters.First()), cast.TypeReference);
                case SingleValueFunctionCallNode { Name: "isof" } test:
                    return test.Parameters.ToList() is [var value, ConstantNode { Value: string type }]
                        ? Functions.IsOf(Read(value), type)
                        : throw Refusal.Unsupported("This feed has isof of a value and a type alone: every row is of its set's own type.");
                case SingleValueFunctionCallNode call:
                    return Functions.Call(call.Name, [.. call.Parameters.Select(Read)], expressions._now);
                default:
                    throw Refusal.Unsupported($"This feed cannot compute {node.Kind}.");
            }
        }

        private RowExpression Divide(BinaryOperatorNode division)
        {
            var left = Read(division.Left);
            var isBy = _division < divisions.Length && divisions[_division];
            _division++;
            var right = Read(division.Right);
            return isBy ? Operators.DivideBy(left, right) : Operators.Arithmetic(RowFunction.Divide, left, right);
        }

        private RowExpression Column(string name) => expressions._computed.TryGetValue(name, out var computed)
            ? computed
            : new RowColumnValue(expressions._columns[name].Name, expressions._columns[name].Type);
    }
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
