using Crossnode.Core.Errors;

namespace Crossnode.Models;

/// <summary>The shape of a <see cref="Gpt"/>.</summary>
public sealed record GptOptions
{
    /// <summary>Transformer blocks.</summary>
    /// <value>Default 2; docs/log.md has what other shapes reached.</value>
    public int Layers { get; init; } = 2;

    /// <summary>Attention heads of a block; they share the width evenly.</summary>
    /// <value>Default 4.</value>
    public int Heads { get; init; } = 4;

    /// <summary>Numbers that stand for one byte inside the model.</summary>
    /// <value>Default 128.</value>
    public int Width { get; init; } = 128;

    /// <summary>The longest stretch of bytes that the model sees at once.</summary>
    /// <value>Default 64.</value>
    public int Context { get; init; } = 64;

    /// <summary>Decides the first weights.</summary>
    /// <value>Default 1.</value>
    public ulong Seed { get; init; } = 1;

    /// <exception cref="InputException">No model has this shape.</exception>
    public void Validate()
    {
        if (Layers < 1 || Heads < 1 || Width < 1 || Context < 1)
        {
            throw new InputException($"A model needs at least one layer, head, number of width and byte of context, not {Layers}, {Heads}, {Width} and {Context}.");
        }
        if (Width % Heads != 0)
        {
            throw new InputException($"The model's width {Width} is not a multiple of its {Heads} heads: change one of them.");
        }
    }
}
