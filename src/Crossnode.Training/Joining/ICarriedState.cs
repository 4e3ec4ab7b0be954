namespace Crossnode.Training.Joining;

/// <summary>Something small of the training loop that belongs to the run's state, such as where a sampler stands.</summary>
/// <remarks>
/// It is the same on all members at the same step. Newcomers receive it, and checkpoints keep it. A trainer saves it on
/// the thread that calls the step, so it needs no lock.
/// </remarks>
public interface ICarriedState
{
    /// <summary>Tells states apart; the same on all members.</summary>
    string Name { get; }

    /// <summary>What <see cref="Load"/> needs; at most a few KiB, for it is written at every step.</summary>
    byte[] Save();

    /// <summary>Goes on from a saved state.</summary>
    /// <exception cref="Core.Errors.InputException">It belongs to something else; nothing has changed.</exception>
    void Load(ReadOnlySpan<byte> saved);
}
