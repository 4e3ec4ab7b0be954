namespace Crossnode.Collectives.Transfers;

/// <summary>The fields of a data frame that a transfer decides.</summary>
/// <param name="Step">The step of the algorithm that the bytes belong to.</param>
/// <param name="Offset">Bytes from the buffer's start.</param>
/// <param name="Length">Bytes; may be 0, because weights travel with empty slices too.</param>
/// <param name="WeightSum">The sum of the weights of the parts in these bytes: for sums the number of members, for
/// broadcasts 0.</param>
public readonly record struct Slice(int Step, long Offset, int Length, double WeightSum)
{
    /// <inheritdoc />
    public override string ToString() => $"{Length} bytes at {Offset} in step {Step} with weight {WeightSum:R}";
}
