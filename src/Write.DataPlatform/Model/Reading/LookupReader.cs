using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;
using CsvHelper;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads a lookup and its CSV file.</summary>
internal static class LookupReader
{
    /// <summary>Reads one.</summary>
    public static Lookup Read(MapReader map, string name, ModelFiles files)
    {
        var path = map.Required("path");
        var key = map.Required("key");
        var dimension = map.Required("dimension");
        var attributes = map.Texts("attributes");
        if (attributes.Length == 0)
        {
            map.Missing("attributes");
        }

        map.Ignore("description", "label", "config", "meta");
        var rows = path.Length > 0 && key.Length > 0 ? Rows(map, path, key, attributes, files) : [];
        return new Lookup
        {
            Name = name,
            Path = path,
            Key = key,
            Dimension = FieldName.Parse(dimension),
            Attributes = attributes,
            Rows = rows,
            ContentHash = Hash(attributes, rows),
            Source = map.Item,
        };
    }

    private static ImmutableArray<(string Key, ImmutableArray<string?> Values)> Rows(
        MapReader map, string path, string key, ImmutableArray<string> attributes, ModelFiles files)
    {
        var (text, problem) = files.Text(path);
        if (text is null)
        {
            map.Report(ModelCode.LookupFile, $"The file '{path}' cannot be read: {problem}.", "path");
            return [];
        }

        var options = CsvReaderOptions.Default with { Separator = ',', DetectSeparatorHint = false, TrackLineNumbers = true, MalformedData = CsvMalformedDataHandling.Throw, FieldCountMismatch = CsvFieldCountHandling.Allow };
        try
        {
            using var csv = CsvReader.FromText(text, options);
            var header = csv.Headers.ToArray();
            if (header.Length == 0)
            {
                map.ReportAt(ModelCode.LookupFile, $"The file '{path}' has no header line.", new SourcePosition(path, 1, 1));
                return [];
            }

            var columns = attributes.Prepend(key).Select(c => Column(map, path, header, c)).ToList();
            return columns.Contains(-1) ? [] : Rows(map, csv, path, columns, header.Length);
        }
        catch (CsvFormatException exception)
        {
            map.ReportAt(
                ModelCode.LookupFile, $"The file '{path}' is not CSV: {exception.Message}", new SourcePosition(path, (int)Math.Clamp(exception.LineNumber, 1, int.MaxValue), 1));
            return [];
        }
    }

    private static int Column(MapReader map, string path, string[] header, string column)
    {
        var index = Array.IndexOf(header, column);
        if (index < 0)
        {
            map.ReportAt(ModelCode.LookupColumn, $"The file '{path}' has no column '{column}'.", new SourcePosition(path, 1, 1), Suggestion.For(column, header) ?? $"Its columns are {string.Join(", ", header)}.");
        }

        return index;
    }

    private static ImmutableArray<(string Key, ImmutableArray<string?> Values)> Rows(MapReader map, CsvReader csv, string path, List<int> columns, int width)
    {
        var rows = ImmutableArray.CreateBuilder<(string, ImmutableArray<string?>)>();
        var keys = new Dictionary<string, int>(StringComparer.Ordinal);
        while (csv.Read())
        {
            var line = (int)csv.LineNumber;
            if (csv.FieldCount != width)
            {
                map.ReportAt(ModelCode.LookupFile, $"The line has {csv.FieldCount} cells and the header {width}.", new SourcePosition(path, line, 1), "Put a cell that holds a comma in double quotes.");
                continue;
            }

            var key = csv.GetString(columns[0]);
            if (string.IsNullOrEmpty(key))
            {
                map.ReportAt(ModelCode.LookupKey, "The key is empty.", new SourcePosition(path, line, 1));
            }
            else if (!keys.TryAdd(key, line))
            {
                map.ReportAt(ModelCode.LookupKey, $"The key '{key}' is written twice; first on line {keys[key]}.", new SourcePosition(path, line, 1));
            }
            else
            {
                rows.Add((key, [.. columns.Skip(1).Select(c => csv.GetString(c) is { Length: > 0 } cell ? cell : null)]));
            }
        }

        return rows.ToImmutable();
    }

    private static string Hash(ImmutableArray<string> attributes, ImmutableArray<(string Key, ImmutableArray<string?> Values)> rows)
    {
        // Lengths before texts: no two different tables write the same bytes.
        var hash = new XxHash128();
        foreach (var cell in attributes.Concat(rows.SelectMany(r => r.Values.Prepend(r.Key))))
        {
            hash.Append(Encoding.UTF8.GetBytes(cell is null ? "-" : $"{cell.Length}:{cell}"));
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
