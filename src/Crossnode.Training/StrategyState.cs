using Crossnode.Core.Errors;
using Crossnode.Training.Buffers;

namespace Crossnode.Training;

/// <summary>What a strategy remembers between steps, as newcomers and checkpoints take it: the same on all members.</summary>
/// <remarks>
/// To restore: start the strategy, call <see cref="Load"/>, then write the buffers. It stands still between
/// <see cref="ITrainingStrategy.Apply"/> of one step and of the next, and with methods that exchange seldom until the next
/// exchange is applied: so members that are a few local steps apart hold the same.
/// </remarks>
public abstract class StrategyState
{
    /// <summary>The buffers, with names that are unique among them; live, of the strategy.</summary>
    /// <value>The same names, types and counts on all members after the same step. None by default.</value>
    public virtual IReadOnlyList<(string Name, FlatBuffer Buffer)> Buffers => [];

    /// <summary>Whether the parameters on which members agree are in <see cref="Buffers"/>, and the model's are each member's own.</summary>
    /// <value>
    /// False by default: the model's parameters and the optimiser's state are the same on all members. When true the
    /// optimiser's state is a member's own too, and a newcomer begins with a fresh one.
    /// </value>
    public virtual bool HoldsParameters => false;

    /// <summary>The rest, a few bytes.</summary>
    public abstract byte[] Save();

    /// <summary>Takes what <see cref="Save"/> gave.</summary>
    /// <exception cref="InputException">The bytes are of another strategy or version; nothing was changed.</exception>
    public abstract void Load(ReadOnlySpan<byte> bytes);

    /// <summary>Makes the model's parameters those on which members agree: what a newcomer begins with.</summary>
    public virtual void CopyParametersTo(FlatModel model)
    {
    }
}
