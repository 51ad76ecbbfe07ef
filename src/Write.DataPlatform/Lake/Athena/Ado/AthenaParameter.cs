using System.Collections;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Write.DataPlatform.Lake.Athena.Ado;

/// <summary>A value of a placeholder, by its place; its type is that of the value.</summary>
internal sealed class AthenaParameter : DbParameter
{
    public override DbType DbType { get; set; } = DbType.Object;

    public override ParameterDirection Direction
    {
        get => ParameterDirection.Input;
        set
        {
            if (value != ParameterDirection.Input)
            {
                throw new NotSupportedException("Athena takes input alone.");
            }
        }
    }

    public override bool IsNullable { get; set; } = true;

    [AllowNull]
    public override string ParameterName { get; set; } = "";

    public override int Size { get; set; }

    [AllowNull]
    public override string SourceColumn { get; set; } = "";

    public override bool SourceColumnNullMapping { get; set; }

    public override object? Value { get; set; }

    public override void ResetDbType() => DbType = DbType.Object;
}

/// <summary>The values of a command's placeholders, in order.</summary>
internal sealed class AthenaParameters : DbParameterCollection
{
    private readonly List<AthenaParameter> _all = [];

    public override int Count => _all.Count;

    public override object SyncRoot => _all;

    public IEnumerable<object?> Values => _all.Select(parameter => parameter.Value);

    public override int Add(object value)
    {
        _all.Add((AthenaParameter)value);
        return _all.Count - 1;
    }

    public override void AddRange(Array values)
    {
        foreach (var value in values)
        {
            Add(value);
        }
    }

    public override void Clear() => _all.Clear();

    public override bool Contains(object value) => _all.Contains((AthenaParameter)value);

    public override bool Contains(string value) => IndexOf(value) >= 0;

    public override void CopyTo(Array array, int index) => ((ICollection)_all).CopyTo(array, index);

    public override IEnumerator GetEnumerator() => _all.GetEnumerator();

    public override int IndexOf(object value) => _all.IndexOf((AthenaParameter)value);

    public override int IndexOf(string parameterName) => _all.FindIndex(parameter => parameter.ParameterName.Equals(parameterName, StringComparison.OrdinalIgnoreCase));

    public override void Insert(int index, object value) => _all.Insert(index, (AthenaParameter)value);

    public override void Remove(object value) => _all.Remove((AthenaParameter)value);

    public override void RemoveAt(int index) => _all.RemoveAt(index);

    public override void RemoveAt(string parameterName) => _all.RemoveAt(Find(parameterName));

    protected override DbParameter GetParameter(int index) => _all[index];

    protected override DbParameter GetParameter(string parameterName) => _all[Find(parameterName)];

    protected override void SetParameter(int index, DbParameter value) => _all[index] = (AthenaParameter)value;

    protected override void SetParameter(string parameterName, DbParameter value) => _all[Find(parameterName)] = (AthenaParameter)value;

    private int Find(string name) => IndexOf(name) is >= 0 and var index ? index : throw new ArgumentException($"There is no parameter '{name}'.", nameof(name));
}
