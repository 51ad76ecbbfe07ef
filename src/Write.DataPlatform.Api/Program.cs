using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.DuckDb;

NativeMemory.Bound();

// Commands/CommandLine.cs lists the commands; without one the server starts.
// Commands/DataPlatformHost.cs puts the slices together, for the server and the commands alike.
return await CommandLine.RunAsync(args, Terminal.OfProcess());
