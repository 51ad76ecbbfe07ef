using Write.DataPlatform.Chaos;

// ChaosCommand has the options; ChaosRun puts a run together: a server, those who send and read, what disturbs them, and the ledger that all of it is held against.
return await ChaosCommand.RunAsync(args);
