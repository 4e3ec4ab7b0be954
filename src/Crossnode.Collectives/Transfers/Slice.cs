namespace Crossnode.Collectives.Transfers;

/// <summary>The fields of a data frame that a transfer decides.</summary>
/// <param name="Step">The move of the plan that the bytes belong to.</param>
/// <param name="Chunk">The number of the chunk within the move, from 0.</param>
/// <param name="Length">Bytes; may be 0, because weights travel with empty chunks too.</param>
/// <param name="WeightSum">The sum of the weights of the parts in these bytes: for reductions without weights the number
/// of members, where nothing is reduced 0.</param>
public readonly record struct Slice(int Step, long Chunk, int Length, double WeightSum)
{
    /// <inheritdoc />
    public override string ToString() => $"{Length} bytes of chunk {Chunk} of step {Step} with weight {WeightSum:R}";
}
