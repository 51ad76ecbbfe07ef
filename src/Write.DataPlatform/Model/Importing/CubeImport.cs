using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Importing;

/// <summary>A model of Cube's in the platform's language.</summary>
/// <param name="Yaml">The model file.</param>
/// <param name="Notes">What is not the same, by file and line; nothing that was written is missing in both.</param>
/// <param name="Names">Cube's names of measures and dimensions and the names that they have now.</param>
internal sealed record CubeImport(string Yaml, ImmutableArray<ImportNote> Notes, ImmutableSortedDictionary<string, string> Names);

/// <summary>Something that was written and is not the same now.</summary>
/// <param name="IsLost">Whether it is left out, and not only different.</param>
/// <param name="Name">What it is: <c>orders.count</c>.</param>
/// <param name="Message">What became of it.</param>
/// <param name="Position">Where it was written.</param>
internal sealed record ImportNote(bool IsLost, string Name, string Message, SourcePosition Position);
