using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Launching;

/// <summary>What a worker's process returns, as launchers understand it.</summary>
public static class WorkerExitCodes
{
    /// <summary>It failed: so does the run, though the others finish undisturbed.</summary>
    public const int Failure = 1;

    /// <summary>It is not part of the run any more; the others may still succeed.</summary>
    public const int Evicted = 3;

    /// <summary>The exit code for a failure.</summary>
    public static int Of(CrossnodeException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.Kind == ErrorKind.Membership ? Evicted : Failure;
    }
}
