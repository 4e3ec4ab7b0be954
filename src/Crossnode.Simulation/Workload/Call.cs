using Crossnode.Collectives;
using Crossnode.Collectives.Engine;
using Crossnode.Core;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Workload;

/// <summary>One operation that one member called, with its buffers.</summary>
internal sealed unsafe class Call
{
    private readonly Buffers[] _buffers;

    public Call(Schedule schedule, Arena arena, int tag, int index, int member)
    {
        Tag = tag;
        Index = index;
        Member = member;
        Script = schedule.Tags[tag].Operations[index];
        IsMismatched = Script.MismatchedAt == member;
        Parts = IsMismatched ? Script.MismatchedParts! : Script.Parts;
        _buffers = new Buffers[Parts.Length];
        Group = new OperationGroup { Weight = Script.Weights[member] };
        for (var part = 0; part < Parts.Length; part++)
        {
            _buffers[part] = Fill(arena, part);
            Add(Parts[part], _buffers[part]);
        }
    }

    public int Tag { get; }

    public int Index { get; }

    /// <summary>The number that it must get.</summary>
    public long Sequence => Index + 1;

    public int Member { get; }

    public OperationScript Script { get; }

    public PartScript[] Parts { get; }

    public bool IsMismatched { get; }

    public OperationGroup Group { get; }

    public EngineOperation? Operation { get; set; }

    public OperationOutcome? Outcome { get; set; }

    /// <summary>The view that settled it: the one that it ran in, or the next.</summary>
    public ViewId SettledBy { get; set; }

    /// <summary>Whether the first part that differs from what an abort must leave; -1 when none does.</summary>
    public int FirstDamaged()
    {
        for (var part = 0; part < Parts.Length; part++)
        {
            if (!SourceIsOriginal(part))
            {
                return part;
            }
        }

        return -1;
    }

    /// <summary>Whether what the member put in is still there: always so for out-of-place sources.</summary>
    public bool SourceIsOriginal(int part)
    {
        var bytes = Parts[part].Bytes;
        return new ReadOnlySpan<byte>(_buffers[part].Source, bytes)
            .SequenceEqual(new ReadOnlySpan<byte>(_buffers[part].Original, bytes));
    }

    public bool IsInPlace(int part) => _buffers[part].Source == _buffers[part].Target;

    public ReadOnlySpan<byte> Result(int part) => new(_buffers[part].Target, Parts[part].Bytes);

    // A part with weight 0 must not reach any result: it is full of NaN.
    private Buffers Fill(Arena arena, int part)
    {
        var script = Parts[part];
        var inPlace = script.Kind == CollectiveKind.Broadcast || (Script.InPlace >> Member & 1) != 0;
        var source = arena.Take(script.Bytes);
        var isIgnored = script.Reduce == ReduceOperator.Average && Script.Weights[Member] == 0;
        for (var element = 0; element < script.Count; element++)
        {
            var value = isIgnored ? double.NaN : Inputs.Value(script.Type, Member, Tag, Index, part, element);
            Inputs.Write(source, script.Type, element, value);
        }

        var original = arena.Take(script.Bytes);
        new ReadOnlySpan<byte>(source, script.Bytes).CopyTo(new Span<byte>(original, script.Bytes));
        var target = inPlace ? source : arena.Take(script.Bytes);
        if (!inPlace)
        {
            new Span<byte>(target, script.Bytes).Fill(0xEE);
        }

        return new Buffers(source, target, original);
    }

    private void Add(in PartScript script, in Buffers buffers)
    {
        var source = TensorBuffer.FromPointer(buffers.Source, script.Type, script.Count);
        if (script.Kind == CollectiveKind.Broadcast)
        {
            Group.Broadcast(source, new MemberId((uint)script.Root));
        }
        else
        {
            Group.AllReduce(source, TensorBuffer.FromPointer(buffers.Target, script.Type, script.Count), script.Reduce);
        }
    }

    private readonly struct Buffers(byte* source, byte* target, byte* original)
    {
        public byte* Source { get; } = source;

        public byte* Target { get; } = target;

        public byte* Original { get; } = original;
    }
}
