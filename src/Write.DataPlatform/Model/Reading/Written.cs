using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>A value as it is written in a file, with its place.</summary>
/// <param name="Position">Where it starts.</param>
/// <param name="Size">How many values it holds, itself included, with every alias written out.</param>
internal abstract record Written(SourcePosition Position, long Size)
{
    /// <summary>The value's kind in the words of a message.</summary>
    public abstract string Kind { get; }
}

/// <summary>A text, number, truth value or nothing.</summary>
internal sealed record WrittenScalar(SourcePosition Position, string Value, bool IsPlain) : Written(Position, 1)
{
    /// <summary>Whether it is YAML's null; only a plain scalar can be.</summary>
    public bool IsNull => IsPlain && (Value is "" or "~" or "null" or "Null" or "NULL");

    public override string Kind => IsNull ? "nothing" : $"'{(Value.Length > 60 ? Value[..60] + "…" : Value)}'";
}

/// <summary>A list.</summary>
internal sealed record WrittenList(SourcePosition Position, ImmutableArray<Written> Items, long Size) : Written(Position, Size)
{
    public override string Kind => "a list";
}

/// <summary>A mapping, its keys in the order of the file.</summary>
internal sealed record WrittenMap(SourcePosition Position, ImmutableArray<(WrittenScalar Key, Written Value)> Entries, long Size)
    : Written(Position, Size)
{
    public override string Kind => "a mapping";

    /// <summary>The value of the first key of a name; null if there is none.</summary>
    public Written? Find(string key) => Entries.FirstOrDefault(e => e.Key.Value == key).Value;
}
