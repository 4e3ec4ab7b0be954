using Crossnode.Collectives;
using Crossnode.Collectives.Engine;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation.Members;

/// <summary>The program of this member: it calls the operations of each tag in order, some at once.</summary>
internal sealed partial class SimulatedMember
{
    private readonly Caller[] _callers;

    public IReadOnlyList<Caller> Callers => _callers;

    /// <summary>Whether it wants to be out of the run.</summary>
    public bool AskedToLeave { get; private set; }

    /// <summary>Whether everything that it calls has an outcome.</summary>
    public bool IsDone => (!IsNewcomer || WasMember) && Array.TrueForAll(_callers, static caller => caller.IsDone);

    /// <summary>Whether the schedule lets it leave before the others.</summary>
    public bool LeavesEarly => Array.Exists(_callers, static caller => caller.LeavesEarly);

    public bool HasStarted(uint tag, long sequence)
    {
        foreach (var caller in _callers)
        {
            if (caller.Script.Tag == tag)
            {
                return sequence <= caller.Calls.Length && caller.Calls[sequence - 1]?.Operation is { IsStarted: true };
            }
        }

        return true;
    }

    // A newcomer begins where the others are.
    private void BeginCalls()
    {
        if (!WasMember)
        {
            foreach (var caller in _callers)
            {
                caller.Begin(Engine.NextSequence(caller.Script.Tag));
            }
        }
    }

    /// <summary>Plans the next calls; the calls themselves come later, never from inside the engine.</summary>
    public void Continue()
    {
        if (!IsAlive || AskedToLeave || (IsNewcomer && !WasMember))
        {
            return;
        }

        // Operations of other tags may be pending then, and may even depend on the one that it will never call.
        if (Engine.View is not null && Array.Exists(_callers, static caller => caller.LeavesEarly && caller.IsDone))
        {
            Leave();
            return;
        }

        for (var index = 0; index < _callers.Length; index++)
        {
            var caller = _callers[index];
            if (!caller.IsPlanned && caller.CanCall && IsFree(caller))
            {
                caller.IsPlanned = true;
                var think = caller.Script.Operations[caller.Next].Think[Index];
                _cluster.Queue.Add(_cluster.Now + think, DueKind.Call, Index, caller);
            }
        }
    }

    public void Leave()
    {
        if (IsAlive && !AskedToLeave)
        {
            AskedToLeave = true;
            _cluster.Log(Index, "asks to leave");
            IsTouched = true;
            Engine.Leave(Time);
        }
    }

    public void CallNext(Caller caller)
    {
        caller.IsPlanned = false;
        if (!IsAlive || AskedToLeave)
        {
            return;
        }

        if (IsStopped)
        {
            caller.IsPlanned = true;
            _cluster.Queue.Add(_cluster.Now + Timings.Tick.Ticks, DueKind.Call, Index, caller);
            return;
        }

        var call = new Call(Schedule, _cluster.Arena, caller.Tag, caller.Next, Index);
        caller.Calls[caller.Next++] = call;
        caller.Outstanding++;
        _cluster.Trace.Add(TraceKind.Call, _cluster.Now, Index, caller.Tag, call.Sequence);
        var options = new OperationOptions
        {
            Tag = caller.Script.Tag,
            OnViewChange = caller.Script.OnViewChange,
            Timeout = call.Script.DeadlineAt == Index ? new TimeSpan(call.Script.DeadlineTicks) : null,
        };
        _cluster.Log(Index, $"calls number {call.Sequence} of tag {options.Tag}: {string.Join(" + ", call.Parts)}");
        IsTouched = true;
        var operation = Engine.Submit(Time, call.Group, options, done => Completed(caller, call, done));
        call.Operation = operation;
        _cluster.Called(this, call);
        Continue();
    }

    /// <summary>Gives a called operation up.</summary>
    public void Cancel(int tag, int index)
    {
        if (IsAlive && _callers[tag].Calls[index] is { Outcome: null, Operation: { } operation })
        {
            IsTouched = true;
            Engine.Condemn(Time, operation, ErrorKind.Cancelled, $"{Id} cancelled it");
        }
    }

    private void Completed(Caller caller, Call call, EngineOperation operation)
    {
        if (IsDead || _cluster.IsOver)
        {
            return;
        }

        call.Operation = operation;
        call.Outcome = operation.Outcome;
        call.SettledBy = Engine.Machine.View?.Id ?? ViewId.None;
        caller.Outstanding--;
        foreach (var link in _links)
        {
            CheckMemoryIsFree(link, operation);
        }

        _cluster.Completed(this, call);
        // A caller is told later: whoever calls from inside the engine finds it between two states.
        _cluster.Continuing.Add(this);
    }

    private void CheckMemoryIsFree(LinkEnd? link, EngineOperation operation)
    {
        var number = (operation.Options.Tag, operation.Sequence);
        if (link is not null && ((link.IsSending && link.Sending == number) || (link.IsReceiving && link.Receiving == number)))
        {
            _cluster.Violate(
                "memory", $"member {Index}: operation {number.Sequence} of tag {number.Tag} returned while a link held its memory");
            link.Detach();
        }
    }

    // The first tag waits for nobody, so that these waits cannot form a circle.
    private bool IsFree(Caller caller)
    {
        var operation = caller.Script.Operations[caller.Next];
        if (operation.HeldBackAt == Index && _cluster.Members[operation.DeadlineAt] is { IsAlive: true, AskedToLeave: false } other
            && caller.Next < other.Callers[caller.Tag].Limit && other.Callers[caller.Tag].Calls[caller.Next]?.Outcome is null)
        {
            return false;
        }

        if (operation.After is not { } after || after[Index] < 0)
        {
            return true;
        }

        var first = _callers[0];
        return after[Index] >= first.Limit || after[Index] < first.First || first.Calls[after[Index]] is { Outcome: not null };
    }

    private Caller[] MakeCallers()
    {
        var callers = new Caller[Schedule.Tags.Length];
        for (var tag = 0; tag < callers.Length; tag++)
        {
            callers[tag] = new Caller(Schedule.Tags[tag], tag, Index);
        }

        return callers;
    }
}

/// <summary>Where a member is in the operations of one tag.</summary>
internal sealed class Caller(TagScript script, int tag, int member)
{
    public TagScript Script { get; } = script;

    /// <summary>The index of the tag in the schedule.</summary>
    public int Tag { get; } = tag;

    /// <summary>How many operations it calls.</summary>
    public int Limit { get; } = script.Calls[member];

    public bool LeavesEarly => Limit < Script.Operations.Length;

    /// <summary>The index of its first call.</summary>
    public int First { get; private set; }

    public int Next { get; set; }

    public int Outstanding { get; set; }

    public bool IsPlanned { get; set; }

    public Call?[] Calls { get; } = new Call?[script.Operations.Length];

    public void Begin(long sequence)
    {
        First = (int)Math.Min(sequence - 1, Script.Operations.Length);
        Next = Math.Max(Next, First);
    }

    public bool CanCall => Next < Limit && Outstanding < Script.Depth[member];

    public bool IsDone => Next >= Limit && Outstanding == 0;
}
