using Crossnode.Cli.Output;
using Microsoft.Extensions.Logging;

namespace Crossnode.Cli.Commands;

/// <summary>What every command gets from the process that it runs in.</summary>
/// <param name="Streams">Where it writes.</param>
/// <param name="Clock">Counts from the program's start.</param>
/// <param name="AfterDashes">What followed "--" on the command line; null when there was none.</param>
internal sealed record CommandContext(CliStreams Streams, ProgramClock Clock, string[]? AfterDashes)
{
    /// <summary>Makes the log of a command: to standard error, one line an event.</summary>
    public static ILoggerFactory CreateLogs(LogLevel level) => LoggerFactory.Create(logs => logs
        .SetMinimumLevel(level)
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.IncludeScopes = false;
        })
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
}
