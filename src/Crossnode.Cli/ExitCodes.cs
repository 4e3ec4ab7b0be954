namespace Crossnode.Cli;

/// <summary>What the program returns; listed in docs/reference/cli.md.</summary>
internal static class ExitCodes
{
    /// <summary>It did what it was asked.</summary>
    public const int Success = 0;

    /// <summary>It could not; standard error says why.</summary>
    public const int Failure = 1;

    /// <summary>The command line or the configuration is wrong; nothing was started.</summary>
    public const int Usage = 2;

    /// <summary>The coordinator put this worker out of the run.</summary>
    public const int Evicted = 3;

    /// <summary>Somebody asked it to stop, with Ctrl-C or SIGTERM: 128 and the number of SIGINT, as shells count.</summary>
    public const int Interrupted = 130;
}
