using Crossnode.Core.Errors;
using Crossnode.Protocol.Store;

namespace Crossnode.Coordinator.Records;

/// <summary>Where the coordinators of one run keep its record: one at a time counts, the one with the highest term.</summary>
/// <remarks>
/// Called from one thread at a time, but several processes may have the same store open. What a call wrote is durable when it
/// returns, and calls of different processes do not overlap. Failures are exceptions whose text says what to do; after one nobody
/// knows whether the record was written.
/// </remarks>
public interface IViewStore : IDisposable
{
    /// <summary>What it is, for people: a path.</summary>
    string Name { get; }

    /// <summary>The record; null when there is none.</summary>
    /// <exception cref="InputException">There is one that cannot be used.</exception>
    RunRecord? Read();

    /// <summary>Writes the record under a higher term than any before, which <see cref="RunRecord.Term"/> has afterwards (R21).</summary>
    /// <param name="record">What to go on from; its term is the lowest that will do.</param>
    void Claim(RunRecord record);

    /// <summary>Writes the record, if the store holds no higher term and the view before it (R10).</summary>
    /// <returns>The term that the store holds: a higher one when another coordinator has taken over, and nothing was written.</returns>
    ulong Write(RunRecord record);
}
