using Crossnode.Collectives;
using Crossnode.Training;
using Crossnode.Training.SynchronousDataParallel;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp;

/// <summary>Spreads the training of a TorchSharp module over the members of a run.</summary>
public static class Distribution
{
    /// <summary>Makes a module the same on all members, and gives what stands where optimizer.step() stood.</summary>
    /// <remarks>
    /// The module's trainable parameters move into one flat tensor for each element type; they stay the same Parameter
    /// objects, so an optimiser made before or after works alike. Tied parameters are sent once. Frozen ones and buffers are
    /// sent once at the start. Members call this together. Cost: one broadcast of all parameters.
    /// </remarks>
    /// <param name="communicator">The run.</param>
    /// <param name="module">The module, on its device and of its final type.</param>
    /// <param name="optimizer">An optimiser over parameters of the module, in any groups.</param>
    /// <param name="strategy">What is sent when; null averages gradients each step.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Gives up before the first broadcast has committed.</param>
    /// <exception cref="ArgumentException">The module cannot be laid out flat; the text says which tensor.</exception>
    /// <exception cref="Core.Errors.InputException">Members hold different modules.</exception>
    public static DistributedTrainer Create(
        ICommunicator communicator,
        nn.Module module,
        optim.Optimizer optimizer,
        ITrainingStrategy? strategy = null,
        DistributionOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(optimizer);
        return new DistributedTrainer(
            communicator,
            module,
            optimizer,
            strategy ?? new DataParallelStrategy(),
            options ?? new DistributionOptions(),
            cancellationToken);
    }

    /// <inheritdoc cref="Create"/>
    public static DistributedTrainer Distribute(
        this ICommunicator communicator,
        nn.Module module,
        optim.Optimizer optimizer,
        ITrainingStrategy? strategy = null,
        DistributionOptions? options = null,
        CancellationToken cancellationToken = default) =>
        Create(communicator, module, optimizer, strategy, options, cancellationToken);
}
