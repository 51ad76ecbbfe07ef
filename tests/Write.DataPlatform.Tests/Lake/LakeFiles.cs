using DuckDB.NET.Data;

namespace Write.DataPlatform.Tests.Lake;

/// <summary>A temporary folder for a lake, and a DuckDB that writes its files.</summary>
internal sealed class LakeFiles : IDisposable
{
    private readonly DuckDBConnection _writer = new("DataSource=:memory:;threads=1");

    public LakeFiles()
    {
        Directory.CreateDirectory(Path);
        _writer.Open();
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("lake-tests-").FullName;

    public string Path => System.IO.Path.Combine(Root, "lake");

    public string Work => System.IO.Path.Combine(Root, "work");

    public string Write(string relativePath, string select, string options = "")
    {
        var file = System.IO.Path.Combine(Path, relativePath);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        using var command = _writer.CreateCommand();
        command.CommandText = $"COPY ({select}) TO '{file}'{options}";
        command.ExecuteNonQuery();
        return file;
    }

    public string WriteText(string relativePath, string text)
    {
        var file = System.IO.Path.Combine(Path, relativePath);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }

    public List<object?[]> Read(string select)
    {
        using var command = _writer.CreateCommand();
        command.CommandText = select;
        using var reader = command.ExecuteReader();
        List<object?[]> rows = [];
        while (reader.Read())
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
            }

            rows.Add(row);
        }

        return rows;
    }

    public void Dispose()
    {
        _writer.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
