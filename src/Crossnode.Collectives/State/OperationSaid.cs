namespace Crossnode.Collectives.State;

/// <summary>What a holder says an operation is.</summary>
/// <param name="Body">In the words of the program.</param>
/// <param name="IsProvisional">The operation is still far off; more can be asked for.</param>
public readonly record struct OperationSaid(ReadOnlyMemory<byte> Body, bool IsProvisional);
