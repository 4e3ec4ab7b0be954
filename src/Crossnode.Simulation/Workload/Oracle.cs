using Crossnode.Core;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Workload;

/// <summary>Computes results without the product's code: for any set of members, each operation's right bytes.</summary>
internal sealed unsafe class Oracle(Schedule schedule, Arena arena, Func<int, MemberId> idOf)
{
    private readonly Dictionary<(int Tag, int Operation, int Part, uint Members), nint> _known = [];

    /// <summary>The bytes that every one of the members must have.</summary>
    /// <param name="tag">The index of the tag's script.</param>
    /// <param name="operation">The index of the operation.</param>
    /// <param name="part">The index of the part.</param>
    /// <param name="members">Those whose parts are in the result, one bit each.</param>
    public ReadOnlySpan<byte> Expected(int tag, int operation, int part, uint members)
    {
        var script = schedule.Tags[tag].Operations[operation].Parts[part];
        if (!_known.TryGetValue((tag, operation, part, members), out var address))
        {
            var bytes = arena.Take(script.Bytes);
            for (var element = 0; element < script.Count; element++)
            {
                Inputs.Write(bytes, script.Type, element, Result(tag, operation, part, members, element));
            }

            address = (nint)bytes;
            _known.Add((tag, operation, part, members), address);
        }

        return new ReadOnlySpan<byte>((void*)address, script.Bytes);
    }

    /// <summary>The sum of the weights of the members.</summary>
    public double TotalWeight(int tag, int operation, uint members)
    {
        var total = 0.0;
        var weights = schedule.Tags[tag].Operations[operation].Weights;
        for (var member = 0; member < schedule.Processes; member++)
        {
            total += (members >> member & 1) != 0 ? weights[member] : 0;
        }

        return total;
    }

    // The process that is the root by its number.
    private int RootOf(int root, uint members)
    {
        for (var process = 0; process < schedule.Processes; process++)
        {
            if ((members >> process & 1) != 0 && idOf(process).Value == (uint)root)
            {
                return process;
            }
        }

        return root;
    }

    private double Result(int tag, int operation, int part, uint members, int element)
    {
        var called = schedule.Tags[tag].Operations[operation];
        var script = called.Parts[part];
        if (script.Kind == CollectiveKind.Broadcast)
        {
            return Inputs.Value(script.Type, RootOf(script.Root, members), tag, operation, part, element);
        }

        var sum = 0.0;
        for (var member = 0; member < schedule.Processes; member++)
        {
            if ((members >> member & 1) != 0)
            {
                var weight = script.Reduce == ReduceOperator.Average ? called.Weights[member] : 1;
                sum += weight * Inputs.Value(script.Type, member, tag, operation, part, element);
            }
        }

        if (script.Reduce != ReduceOperator.Average)
        {
            return sum;
        }

        // Narrow types are divided in single precision, and rounded once more.
        var total = TotalWeight(tag, operation, members);
        return script.Type == ElementType.Float64 ? sum / total : (float)sum / (float)total;
    }
}
