using System.Text.RegularExpressions;

namespace Write.DataPlatform.Model.Importing;

/// <summary>One cube on its way to a semantic model.</summary>
internal sealed partial class CubeCube
{
    private readonly Dictionary<string, CubeMap> _dimensions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string?> _expressions = new(StringComparer.Ordinal);
    private readonly List<Dictionary<string, object>> _entities = [];
    private readonly List<Dictionary<string, object>> _fields = [];
    private readonly List<Dictionary<string, object>> _measures = [];
    private readonly List<(CubeMap Map, string Sql)> _derived = [];
    private readonly Dictionary<string, string> _metrics = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _names;
    private string? _key;

    private CubeCube(CubeMap map, string written, string table, SortedDictionary<string, string> names) => (Map, Written, Table, _names) = (map, written, table, names);

    public CubeMap Map { get; }

    /// <summary>The name as Cube has it.</summary>
    public string Written { get; }

    public string Name => CubeMap.Snake(Written);

    public string Table { get; }

    /// <summary>The time of its measures; null for none.</summary>
    public string? Time { get; private set; }

    /// <summary>Metrics that are not simply measures.</summary>
    public List<Dictionary<string, object>> Metrics { get; } = [];

    /// <summary>Reads a cube but for its joins; null if it cannot be one here.</summary>
    public static CubeCube? Read(CubeMap map, SortedDictionary<string, string> names)
    {
        var written = map.Text("name") ?? "";
        if (!LegalName().IsMatch(CubeMap.Snake(written)))
        {
            map.Lost("its name cannot be one here; names are snake_case without two underscores");
            return null;
        }

        if (map.Raw("extends") is not null)
        {
            map.Lost("it extends another cube; write out what it inherits");
            return null;
        }

        var (table, sql) = (map.Text("sql_table"), map.Text("sql"));
        table ??= sql is null ? null : CubeSql.TableOf(sql);
        if (table is null || table.IndexOfAny(['{', '(', ' ']) >= 0)
        {
            map.Lost("it is a query and not a table; make a table or a view of the query in the lake");
            return null;
        }

        // The lake's settings name the catalog; a table elsewhere would be another's.
        var parts = table.Replace("\"", "", StringComparison.Ordinal).Split('.');
        if (parts.Length > 2)
        {
            map.Differs($"The catalog of its table {string.Join('.', parts)} has no equivalent and is left out: the table {string.Join('.', parts[^2..])} is read from the lake's own (DataPlatform:Lake).");
        }

        var cube = new CubeCube(map, written, string.Join('.', parts.TakeLast(2)), names);
        if (cube.Name != written)
        {
            map.Differs($"It is called {cube.Name}.");
        }

        if (map.Flag("public") is false || map.Flag("shown") is false)
        {
            map.Differs("It was hidden and is visible; a role can hide its names.");
        }

        cube.ReadDimensions();
        cube.ReadSegments();
        cube.ReadMeasures();
        return cube;
    }

    /// <summary>The metric of a measure; null if there is none.</summary>
    public string? MetricOf(string measure) => _metrics.GetValueOrDefault(measure);

    /// <summary>The field of a dimension; null if there is none.</summary>
    public string? FieldOf(string dimension) =>
        _fields.Exists(f => (string)f["name"] == CubeMap.Snake(dimension)) ? $"{Name}__{CubeMap.Snake(dimension)}"
        : _key == dimension ? Name
        : null;

    /// <summary>Whether its rows lead to those of another cube, or it is the same.</summary>
    public bool Reaches(CubeCube other) => other == this || _entities.Exists(e => (string)e["type"] == "foreign" && (string)e["name"] == other.Name);

    /// <summary>Whether a side of a condition is the cube's primary key.</summary>
    public bool IsKey(CubeSide side) => _key is not null && side.Name == (side.IsMember ? _key : Expression(_key));

    /// <summary>Turns joins into entities.</summary>
    public void Join(Dictionary<string, CubeCube> cubes)
    {
        foreach (var join in Map.Maps("joins"))
        {
            var other = join.Text("name") ?? "";
            var relationship = join.Text("relationship") ?? "";
            var sql = join.Text("sql") ?? "";
            join.Done();
            if (!cubes.TryGetValue(other, out var target))
            {
                join.Lost($"there is no cube '{other}' that was taken over");
                continue;
            }

            if (CubeSql.Equality(sql, Written) is not { } sides)
            {
                join.Lost("only a condition of the form {CUBE}.column = {other.key} can be an entity");
                continue;
            }

            var (mine, theirs) = sides.Left.Cube == Written ? (sides.Left, sides.Right) : (sides.Right, sides.Left);
            if (mine.Cube != Written || theirs.Cube != other)
            {
                join.Lost("its condition is not about the two cubes");
            }
            else if (relationship is "many_to_one" or "belongs_to" or "belongsTo" or "one_to_one" or "has_one" or "hasOne" && target.IsKey(theirs))
            {
                AddForeign(join, target, mine);
            }
            else if (relationship is "one_to_many" or "has_many" or "hasMany" && IsKey(mine))
            {
                target.AddForeign(join, this, theirs);
            }
            else
            {
                join.Lost("one side of it must be the primary key of its cube, and the relationship many_to_one, one_to_one or one_to_many");
            }
        }
    }

    /// <summary>Takes over the measures of measures whose inputs are known by now; false if there was none.</summary>
    public bool DeriveNext()
    {
        foreach (var (map, sql) in _derived)
        {
            if (CubeSql.OfMeasures(sql, Written, MetricOf, out var used) is not { } expression)
            {
                continue;
            }

            _derived.Remove((map, sql));
            var name = Register(map);
            if (expression.Contains('/', StringComparison.Ordinal))
            {
                map.Differs("A division here never cuts off decimals, as some databases do for whole numbers.");
            }

            Metrics.Add(Describe(map, new Dictionary<string, object>
            {
                ["name"] = name,
                ["type"] = "derived",
                ["type_params"] = new Dictionary<string, object> { ["expr"] = expression, ["metrics"] = used.ToList() },
            }));
            map.Done();
            return true;
        }

        return false;
    }

    /// <summary>Tells which measures of measures are left.</summary>
    public void GiveUpDerived()
    {
        foreach (var (map, sql) in _derived)
        {
            map.Done();
            map.Lost(CubeSql.NamesOthers(sql, Written)
                ? "Cube takes the other cube's measures from the rows that are joined, at the times of this cube; a derived metric of both would take each at its own times"
                : "its SQL is not made of measures that were taken over, in braces, and of arithmetic alone");
        }
    }

    public Dictionary<string, object> SemanticModel()
    {
        var model = Describe(Map, new Dictionary<string, object> { ["name"] = Name, ["model"] = Table });
        model.Remove("label");
        if (Time is not null)
        {
            model["defaults"] = new Dictionary<string, object> { ["agg_time_dimension"] = Time };
        }

        if (_key is null)
        {
            model["primary_entity"] = Name;
        }

        foreach (var (key, list) in new[] { ("entities", _entities), ("dimensions", _fields), ("measures", _measures) })
        {
            if (list.Count > 0)
            {
                model[key] = list;
            }
        }

        return model;
    }

    private void AddForeign(CubeMap join, CubeCube target, CubeSide side)
    {
        var expression = !side.IsMember ? side.Name : _dimensions.ContainsKey(side.Name) ? Expression(side.Name) : null;
        if (expression is null || _entities.Exists(e => (string)e["name"] == target.Name))
        {
            if (expression is null || !_entities.Exists(e => (string)e["name"] == target.Name && (string)e["expr"] == expression))
            {
                join.Lost($"{Written} has another join to {target.Written}, or its column cannot be read");
            }

            return;
        }

        if (_fields.Find(f => (string)f["name"] == target.Name) is { } field)
        {
            var isEntity = (string)field["expr"] == expression;
            if (!isEntity && (string)field["type"] == "time")
            {
                join.Lost($"{Written} has a time of the name {target.Name}");
                return;
            }

            _fields.Remove(field);
            var map = _dimensions.Values.Concat(Map.Maps("segments")).First(m => CubeMap.Snake(m.Text("name") ?? "") == target.Name);
            if (isEntity)
            {
                join.Differs($"The dimension {map.Name} has the name of the entity, and is it.");
                _names[map.Name] = target.Name;
            }
            else
            {
                map.Lost($"its name is that of the entity by which {target.Written} is joined");
                _names.Remove(map.Name);
            }
        }

        _entities.Add(new Dictionary<string, object> { ["name"] = target.Name, ["type"] = "foreign", ["expr"] = expression });
    }

    private void ReadDimensions()
    {
        var written = Map.Maps("dimensions");
        foreach (var map in written.Where(m => m.Text("name") is not null))
        {
            _dimensions[map.Text("name")!] = map;
        }

        var keys = written.Where(m => m.Flag("primary_key") is true).ToList();
        if (keys.Count > 1)
        {
            keys.ForEach(k => k.Differs("It is a part of a primary key of several columns; the cube has no key here, and joins to it are left out."));
        }

        foreach (var map in written)
        {
            Dimension(map, isKey: keys.Count == 1 && map == keys[0]);
            map.Done();
        }

        var times = _fields.Where(f => (string)f["type"] == "time").Select(f => (string)f["name"]).ToList();
        Time = times.FirstOrDefault();
        if (times.Count > 1)
        {
            Map.Differs($"Its measures are placed in time by {Time}, the first of its times; Cube lets each query choose.");
        }
    }

    private void Dimension(CubeMap map, bool isKey)
    {
        var name = map.Text("name") ?? "";
        var type = map.Text("type") ?? "string";
        map.Text("sql");
        map.Raw("case");
        if (map.Flag("public") is false || map.Flag("shown") is false)
        {
            map.Differs("It was hidden and is visible; a role can hide it.");
        }

        if (map.Flag("sub_query") is true || type is not ("string" or "number" or "boolean" or "time"))
        {
            map.Lost(type is "string" or "number" or "boolean" or "time" ? "a dimension cannot be computed from measures here" : $"there is no dimension of type {type}");
        }
        else if (Expression(name) is not { } expression)
        {
            map.Lost("its SQL is not an expression over the cube's own columns and dimensions");
        }
        else if (isKey)
        {
            _key = name;
            _names[map.Name] = Name;
            _entities.Add(new Dictionary<string, object> { ["name"] = Name, ["type"] = "primary", ["expr"] = expression });
        }
        else if (!LegalName().IsMatch(CubeMap.Snake(name)) || CubeMap.Snake(name) == Name)
        {
            map.Lost("its name cannot be one here");
        }
        else
        {
            var field = new Dictionary<string, object> { ["name"] = CubeMap.Snake(name), ["type"] = type == "time" ? "time" : "categorical", ["expr"] = expression };
            if (type == "time")
            {
                field["type_params"] = new Dictionary<string, object> { ["time_granularity"] = "second" };
            }

            _fields.Add(Describe(map, field));
            _names[map.Name] = $"{Name}__{CubeMap.Snake(name)}";
        }

        Describe(map, []);
    }

    /// <summary>A dimension's expression over columns; null if it cannot be one.</summary>
    private string? Expression(string name)
    {
        if (_expressions.TryGetValue(name, out var known))
        {
            return known;
        }

        // One that leads to itself finds nothing.
        _expressions[name] = null;
        return _expressions[name] = !_dimensions.TryGetValue(name, out var map) ? null
            : map.Raw("case") is not null ? map.Map("case") is { } cases ? CubeSql.OfCases(cases, Written, Expression) : null
            : map.Text("sql") is { } sql ? CubeSql.OfColumns(sql, Written, Expression)
            : null;
    }

    private void ReadSegments()
    {
        foreach (var map in Map.Maps("segments"))
        {
            var name = CubeMap.Snake(map.Text("name") ?? "");
            if (map.Text("sql") is { } sql && CubeSql.OfColumns(sql, Written, Expression) is { } condition && LegalName().IsMatch(name) && !_fields.Exists(f => (string)f["name"] == name))
            {
                _fields.Add(Describe(map, new Dictionary<string, object> { ["name"] = name, ["type"] = "categorical", ["expr"] = condition }));
                _names[map.Name] = $"{Name}__{name}";
                map.Differs($"A segment is a dimension that is true or false: filter {Name}__{name} by true.");
            }
            else
            {
                map.Lost("its SQL is not a condition over the cube's own columns and dimensions, or its name is taken");
            }

            map.Done();
        }
    }

    private void ReadMeasures()
    {
        foreach (var map in Map.Maps("measures"))
        {
            var type = map.Text("type") ?? "";
            var sql = map.Text("sql");
            if (map.Flag("public") is false || map.Flag("shown") is false)
            {
                map.Differs("It was hidden and is visible; a role can hide it.");
            }

            if (!LegalName().IsMatch(CubeMap.Snake(map.Text("name") ?? "")))
            {
                map.Lost("its name cannot be one here");
            }
            else if (map.Raw("multi_stage") is not null || map.Raw("time_shift") is not null || map.Raw("case") is not null)
            {
                map.Lost("multi-stage measures and time shifts have no equivalent; a derived metric with offset_window may say the same");
            }
            else if (type == "number" && sql is not null && map.Raw("filters") is null && map.Raw("rolling_window") is null)
            {
                // Whether it is made of measures is known once all are.
                _derived.Add((map, sql));
                continue;
            }
            else
            {
                Measure(map, type, sql);
            }

            map.Done();
        }
    }

    private void Measure(CubeMap map, string type, string? sql)
    {
        var aggregation = type switch
        {
            "count" => "count",
            "count_distinct" or "countDistinct" => "count_distinct",
            "count_distinct_approx" or "countDistinctApprox" => "approx_count_distinct",
            "sum" => "sum",
            "avg" => "average",
            "min" => "min",
            "max" => "max",
            _ => null,
        };
        var value = sql is null ? type == "count" ? "1" : null : CubeSql.OfColumns(sql, Written, Expression);
        var filters = map.Maps("filters").ConvertAll(f => f.Text("sql") is { } text ? CubeSql.OfColumns(text, Written, Expression) : null);
        var window = map.Map("rolling_window");
        if (!map.IsMaps("filters") || !map.IsMap("rolling_window"))
        {
            map.Lost("its filters must be a list of conditions, and its rolling window a mapping");
            return;
        }

        if (aggregation is null || value is null || filters.Contains(null))
        {
            map.Lost(aggregation is null ? $"there is no measure of type {type} over rows" : "its SQL or a filter is not an expression over the cube's own columns and dimensions");
            return;
        }

        if (Time is null)
        {
            map.Lost("its cube has no dimension of type time, and every metric here has a time");
            return;
        }

        var accumulation = window is null ? null : CubeWindow.Read(window);
        if (window is not null && accumulation is null)
        {
            map.Lost("of rolling windows there are those that trail until the end of their bucket, and those to date");
            return;
        }

        var name = Register(map);
        if (filters.Count > 0)
        {
            value = $"CASE WHEN {string.Join(" AND ", filters.Select(f => $"({f})"))} THEN {value} END";
        }

        if (aggregation == "approx_count_distinct")
        {
            map.Differs("Its sketch is not Cube's: both are approximate, and differ by their errors.");
        }

        var measure = Describe(map, new Dictionary<string, object> { ["name"] = name, ["agg"] = aggregation, ["expr"] = value });
        if (accumulation is null)
        {
            measure["create_metric"] = true;
        }
        else
        {
            Metrics.Add(Describe(map, new Dictionary<string, object>
            {
                ["name"] = name,
                ["type"] = "cumulative",
                ["type_params"] = new Dictionary<string, object> { ["measure"] = name, ["cumulative_type_params"] = accumulation },
            }));
        }

        _measures.Add(measure);
    }

    private string Register(CubeMap map)
    {
        var written = map.Text("name")!;
        var name = $"{Name}_{CubeMap.Snake(written)}";
        _metrics[written] = name;
        _names[map.Name] = name;
        return name;
    }

    private static Dictionary<string, object> Describe(CubeMap map, Dictionary<string, object> item)
    {
        foreach (var (key, from) in new[] { ("label", "title"), ("description", "description") })
        {
            if (map.Text(from) is { } text)
            {
                item[key] = text;
            }
        }

        return item;
    }

    [GeneratedRegex("^(?!.*__)(?!(metric_time|second|minute|hour|day|week|month|quarter|year)$)[a-z][a-z0-9_]*$")]
    private static partial Regex LegalName();
}
