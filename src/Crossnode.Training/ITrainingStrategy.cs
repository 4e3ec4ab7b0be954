using Crossnode.Collectives;
using Crossnode.Training.Buffers;

namespace Crossnode.Training;

/// <summary>Decides what members tell one another, when, and how parameters move.</summary>
/// <remarks>
/// Whoever drives a model calls <see cref="Start"/> before the first step, <see cref="Exchange"/> and <see cref="Apply"/> after each backward
/// pass, and <see cref="Finish"/> at the end. Between two calls a strategy may keep operations running in the background on
/// tags of its own (streaming and gossip methods); it never touches gradients or parameters then. What it remembers between
/// steps is its <see cref="State"/>, which changes in <see cref="Apply"/> and <see cref="Finish"/> only.
/// </remarks>
public interface ITrainingStrategy
{
    /// <summary>Whether <see cref="FlatModel.Parameters"/> is read or written.</summary>
    /// <value>False spares a copy in each direction each step when the model lives on a device.</value>
    bool UsesParameters { get; }

    /// <summary>The tag in which everything runs that happens in the order of the training loop.</summary>
    /// <remarks>The trainer's own operations use it too: then one number of the tag is one place in the program, which is how
    /// a newcomer learns where the others are.</remarks>
    uint Tag { get; }

    /// <summary>What the strategy remembers between steps; complete after <see cref="Start"/>.</summary>
    StrategyState State { get; }

    /// <summary>Prepares for a model whose parameters are already the same on all members.</summary>
    /// <remarks>
    /// A process that comes to a run calls it before it becomes a member, so that nobody waits for its memory: <see cref="State"/>
    /// is loaded later. If it then begins with the others after all, it calls it again.
    /// </remarks>
    void Start(FlatModel model, ICommunicator communicator);

    /// <summary>Whether <see cref="Exchange"/> of a step runs operations; the same answer on all members.</summary>
    bool Exchanges(long step);

    /// <summary>Sends and receives all that this step needs, on the calling thread; call it again after it failed.</summary>
    /// <remarks>
    /// Afterwards <see cref="FlatModel.Averages"/> and the extras' target hold the same values on all members, also on those
    /// that took no weight. Parameters and gradients are as they were; only a method with local steps takes the local step
    /// that belongs to an exchange before it, once, however often the exchange is tried.
    /// </remarks>
    /// <exception cref="Core.Errors.CrossnodeException">Nothing was exchanged: parameters and gradients are as described
    /// above, averages are undefined.</exception>
    /// <exception cref="OperationCanceledException">As above, by the context's token.</exception>
    StepOutcome Exchange(in StepContext context);

    /// <summary>Moves the parameters by what was exchanged, and sends nothing.</summary>
    /// <remarks>
    /// Of the exchange it reads only <see cref="FlatModel.Averages"/>, the extras' target and the outcome. So a member that
    /// has no state yet may put these aside for each step, and apply them in order once it has the state before the first.
    /// </remarks>
    void Apply(in StepContext context, StepOutcome outcome);

    /// <summary>Ends the run: waits for what is under way, and makes the parameters the final ones on all members.</summary>
    /// <param name="context">As for a step that has no samples; its number is that of the step that would come next.</param>
    void Finish(in StepContext context);
}

/// <summary>The member's own optimiser.</summary>
public interface ILocalOptimizer
{
    /// <summary>Moves the parameters by what <see cref="FlatModel.Gradients"/> holds now, on the current thread.</summary>
    /// <remarks>Afterwards <see cref="FlatModel.Parameters"/> holds the new values, if the strategy uses parameters.</remarks>
    void Apply();

    /// <summary>The learning rate now; methods that move parameters themselves follow the user's schedule by it.</summary>
    double LearningRate { get; }
}
