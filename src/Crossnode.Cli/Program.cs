using Crossnode.Cli;
using Crossnode.Cli.Output;

return await CommandLine.RunAsync(args, CliStreams.OfProcess(), ProgramClock.OfProcess());
