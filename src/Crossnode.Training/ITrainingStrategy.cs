using Crossnode.Collectives;
using Crossnode.Training.Buffers;

namespace Crossnode.Training;

/// <summary>Decides what members tell one another, when, and how parameters move.</summary>
/// <remarks>
/// Whoever drives a model calls <see cref="Start"/> once, <see cref="Step"/> after each backward pass, and
/// <see cref="Finish"/> at the end. Between two calls a strategy may keep operations running in the background on tags of
/// its own (streaming and gossip methods); it never touches gradients or parameters then. What it remembers between
/// steps (outer momentum, error feedback, a copy of the last global parameters) is its own memory, like the model's
/// buffers in shape.
/// </remarks>
public interface ITrainingStrategy
{
    /// <summary>Whether <see cref="FlatModel.Parameters"/> is read or written.</summary>
    /// <value>False spares a copy in each direction each step when the model lives on a device.</value>
    bool UsesParameters { get; }

    /// <summary>Prepares for a model whose parameters are already the same on all members.</summary>
    void Start(FlatModel model, ICommunicator communicator);

    /// <summary>Uses the gradients of this step, on the calling thread.</summary>
    /// <exception cref="Core.Errors.CrossnodeException">The step did not happen: parameters and gradients are as they
    /// were before the call.</exception>
    /// <exception cref="OperationCanceledException">As above, by the context's token.</exception>
    StepOutcome Step(in StepContext context);

    /// <summary>Ends the run: waits for what is under way, and makes the parameters the final ones on all members.</summary>
    void Finish(FlatModel model, ICommunicator communicator, CancellationToken cancellationToken = default);
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
