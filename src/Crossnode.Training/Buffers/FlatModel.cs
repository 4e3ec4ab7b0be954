using Crossnode.Core;

namespace Crossnode.Training.Buffers;

/// <summary>A model as strategies see it: parameters, gradients and room for averages, one flat buffer per element type.</summary>
/// <remarks>The three lists are parallel: the same types, counts and segments at the same index, on every member.</remarks>
public sealed class FlatModel
{
    /// <summary>Puts parallel buffers together.</summary>
    /// <exception cref="ArgumentException">The lists are not parallel.</exception>
    public FlatModel(
        IReadOnlyList<FlatBuffer> parameters,
        IReadOnlyList<FlatBuffer> gradients,
        IReadOnlyList<FlatBuffer> averages,
        StepExtras? extras = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        CheckParallel(parameters, gradients, nameof(gradients));
        CheckParallel(parameters, averages, nameof(averages));
        Parameters = parameters;
        Gradients = gradients;
        Averages = averages;
        Extras = extras;
    }

    /// <summary>The trainable parameters, live: what the next forward pass uses.</summary>
    public IReadOnlyList<FlatBuffer> Parameters { get; }

    /// <summary>What the backward pass left; what the local optimiser reads.</summary>
    public IReadOnlyList<FlatBuffer> Gradients { get; }

    /// <summary>Scratch of the same shape, where averages arrive before they are committed.</summary>
    public IReadOnlyList<FlatBuffer> Averages { get; }

    /// <summary>A few more numbers that are averaged with the gradients, or null.</summary>
    public StepExtras? Extras { get; }

    private static void CheckParallel(IReadOnlyList<FlatBuffer> parameters, IReadOnlyList<FlatBuffer> others, string name)
    {
        ArgumentNullException.ThrowIfNull(others, name);
        if (others.Count != parameters.Count)
        {
            throw new ArgumentException($"{parameters.Count} parameter buffers but {others.Count} {name}", name);
        }

        for (var i = 0; i < others.Count; i++)
        {
            if (others[i].Type != parameters[i].Type || others[i].Count != parameters[i].Count)
            {
                throw new ArgumentException(
                    $"parameter buffer {i} is {parameters[i].Count} {parameters[i].Type.Name()}, "
                    + $"{name} {others[i].Count} {others[i].Type.Name()}",
                    name);
            }
        }
    }
}

/// <summary>Numbers that travel with the gradients in the same commit: losses, flags. Never clipped, never checked.</summary>
/// <param name="Source">This member's values; as they were until the commit.</param>
/// <param name="Target">The averages, weighted like the gradients; undefined unless the step was exchanged.</param>
public sealed record StepExtras(FlatBuffer Source, FlatBuffer Target);
