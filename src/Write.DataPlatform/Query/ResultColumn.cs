namespace Write.DataPlatform.Query;

/// <summary>The few value types that lakes and gold tables give.</summary>
public enum ColumnKind
{
    /// <summary><see cref="string"/>.</summary>
    String,

    /// <summary><see cref="bool"/>.</summary>
    Boolean,

    /// <summary><see cref="long"/>.</summary>
    Int64,

    /// <summary><see cref="double"/>.</summary>
    Double,

    /// <summary><see cref="decimal"/>, with <see cref="ColumnType.Precision"/> and <see cref="ColumnType.Scale"/>.</summary>
    Decimal,

    /// <summary><see cref="DateOnly"/>.</summary>
    Date,

    /// <summary><see cref="DateTime"/> of kind UTC.</summary>
    Timestamp,
}

/// <summary>A column's type.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Precision">For a decimal: all digits.</param>
/// <param name="Scale">For a decimal: digits after the point.</param>
public readonly record struct ColumnType(ColumnKind Kind, byte Precision = 0, byte Scale = 0)
{
    /// <summary>The DuckDB type that holds it.</summary>
    public string DuckDbName => Kind switch
    {
        ColumnKind.String => "VARCHAR",
        ColumnKind.Boolean => "BOOLEAN",
        ColumnKind.Int64 => "BIGINT",
        ColumnKind.Double => "DOUBLE",
        ColumnKind.Decimal => $"DECIMAL({Precision},{Scale})",
        ColumnKind.Date => "DATE",
        ColumnKind.Timestamp => "TIMESTAMP",
        _ => throw new ArgumentOutOfRangeException(nameof(Kind)),
    };
}

/// <summary>A column of a result.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
public sealed record ResultColumn(string Name, ColumnType Type);
