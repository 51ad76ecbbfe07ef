using System.Runtime.CompilerServices;
using System.Text;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>The rows of Athena's result file, in which every value is quoted and an empty field without quotes is null.</summary>
/// <remarks>Libraries for CSV do not tell an empty text from nothing, which here is the difference between <c>''</c> and null.</remarks>
internal static class AthenaCsv
{
    /// <summary>All rows, the header too.</summary>
    /// <exception cref="LakeException">The text is not of that form.</exception>
    public static async IAsyncEnumerable<string?[]> ReadAsync(TextReader reader, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var buffer = new char[64 * 1024];
        var field = new StringBuilder();
        List<string?> row = [];
        var state = State.Start;
        int count;
        while ((count = await reader.ReadAsync(buffer, cancellationToken)) > 0)
        {
            for (var i = 0; i < count; i++)
            {
                var letter = buffer[i];
                if (state == State.Quoted)
                {
                    if (letter == '"')
                    {
                        state = State.Closed;
                    }
                    else
                    {
                        field.Append(letter);
                    }

                    continue;
                }

                switch (letter)
                {
                    case '"' when state == State.Start:
                        state = State.Quoted;
                        break;
                    case '"' when state == State.Closed:
                        field.Append('"');
                        state = State.Quoted;
                        break;
                    case ',' or '\n':
                        row.Add(Take(field, state));
                        state = State.Start;
                        if (letter == '\n')
                        {
                            yield return [.. row];
                            row.Clear();
                        }

                        break;
                    case '\r':
                        break;
                    default:
                        if (state == State.Closed)
                        {
                            throw new LakeException("Athena's result file has a value that goes on after its quotes.", isTransient: false);
                        }

                        field.Append(letter);
                        state = State.Bare;
                        break;
                }
            }
        }

        if (state == State.Quoted)
        {
            throw new LakeException("Athena's result file ends within a value.", isTransient: true);
        }

        if (row.Count > 0 || state != State.Start)
        {
            row.Add(Take(field, state));
            yield return [.. row];
        }
    }

    private static string? Take(StringBuilder field, State state)
    {
        var text = state == State.Start ? null : field.ToString();
        field.Clear();
        return text;
    }

    private enum State
    {
        Start,
        Bare,
        Quoted,
        Closed,
    }
}
