using Write.DataPlatform.Benchmarks;

// BenchmarkCommand lists the parts; each part measures ours beside its ceiling and checks the answers of both.
return await BenchmarkCommand.RunAsync(args);
