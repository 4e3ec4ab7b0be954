using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol;
using Crossnode.Simulation.Invariants;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation;

/// <summary>One event after the other.</summary>
internal sealed partial class Cluster
{
    public SimulationResult Run()
    {
        foreach (var member in Members)
        {
            member.Continue();
        }

        try
        {
            while (!IsOver && Queue.TryTake(out var due))
            {
                Now = due.At;
                Network.Now = Now;
                Dispatch(due);
                SettleDown();
            }

            if (_violations.Count == 0)
            {
                AllOrNothing.Check(this);
            }
        }
        catch (Exception bug) when (bug is not OutOfMemoryException)
        {
            // Whatever the product's code throws is a finding; the run ends here.
            Violate("exceptions", $"{bug.GetType().Name}: {bug.Message} {FirstFrame(bug)}");
        }

        IsOver = true;
        foreach (var member in Members)
        {
            member.Engine.Dispose();
        }

        return new SimulationResult(Schedule.Seed, _violations, Trace.Finish(), new TimeSpan(Now), Coverage);
    }

    private void Dispatch(in Due due)
    {
        switch (due.Kind)
        {
            case DueKind.Arrival:
                Network.Arrive((Lane)due.Subject!);
                break;
            case DueKind.MemberTick:
                Members[due.Index].Tick();
                Queue.Add(Now + Timings.Tick.Ticks, DueKind.MemberTick, due.Index, null);
                break;
            case DueKind.CoordinatorTick:
                Coordinator.Tick();
                Queue.Add(Now + Timings.Tick.Ticks, DueKind.CoordinatorTick, 0, null);
                LookAround();
                break;
            case DueKind.Call:
                Members[due.Index].CallNext((Caller)due.Subject!);
                break;
            case DueKind.DialTimeout:
                Members[due.Index].DialTimedOut((ControlEnd)due.Subject!);
                break;
            case DueKind.ProbeTimeout:
                Members[due.Index].Probed((ProbeEnd)due.Subject!, reached: false);
                break;
            case DueKind.Newcomer:
                Come(due.Index, (SimulatedMember?)due.Subject);
                break;
            case DueKind.Written:
                Coordinator.Store.Written((SimulatedStore.Writing)due.Subject!);
                break;
            case DueKind.CoordinatorStart:
                if (!Coordinator.Acting.IsAlive)
                {
                    Coordinator.Start(due.Index);
                }

                break;
            case DueKind.Fault:
                _faults.Begin((Fault)due.Subject!);
                break;
            case DueKind.Repair:
                _faults.End((Fault)due.Subject!);
                break;
            case DueKind.Heal:
                Heal();
                break;
            default:
                Invariant.Fail($"unknown event {due.Kind}");
                break;
        }
    }

    // Nobody comes any more once all programs are over.
    private void Come(int index, SimulatedMember? predecessor)
    {
        if (!IsHealed && predecessor is not { HasLeft: true })
        {
            Log(index, predecessor is null ? "comes" : $"comes in the place of process {predecessor.Index}");
            Members[index].Start(predecessor is { HasNumber: true } ? predecessor.Id : MemberId.Unassigned);
        }
    }

    // What follows at once: programs go on, links are judged, bytes move.
    private void SettleDown()
    {
        while (Continuing.Count + _judging.Count + Dirty.Count > 0)
        {
            for (var index = 0; index < Continuing.Count; index++)
            {
                Continuing[index].Continue();
            }

            Continuing.Clear();
            for (var index = 0; index < _judging.Count; index++)
            {
                var member = _judging[index];
                if (member.MustJudge && member.IsAlive && !member.IsStopped)
                {
                    member.JudgeAccepted();
                }
            }

            _judging.Clear();
            while (Dirty.TryDequeue(out var link))
            {
                link.Owner.Pump(link);
            }
        }

        if ((Rules & ProtocolRules.R17) == 0)
        {
            KickReaders();
        }
    }

    private void KickReaders()
    {
        foreach (var member in Members)
        {
            if (member.IsTouched)
            {
                member.IsTouched = false;
                Network.KickAll(member.Index);
            }
        }
    }

    private void LookAround()
    {
        if (Now > _mustEndBy && Now > _epilogue.MustEndBy(_mustEndBy))
        {
            Violate("progress", _epilogue.WhatIsMissing());
            return;
        }

        if (!_epilogue.IsProgramOver)
        {
            // Who waited for a member that is gone by now goes on.
            Continuing.AddRange(Members);
            return;
        }

        if (!IsHealed)
        {
            Heal();
        }

        if (_epilogue.Step())
        {
            IsOver = true;
        }
    }

    private void Heal()
    {
        if (!IsHealed)
        {
            IsHealed = true;
            Log(-1, "healed");
            _faults.Heal();
            if (!Coordinator.Acting.IsAlive)
            {
                Coordinator.Start(Coordinator.Acting.Node);
            }

            _mustEndBy = Now + Timings.ProgressWithin.Ticks;
        }
    }

    private static string FirstFrame(Exception bug)
    {
        var frames = (bug.StackTrace ?? "").Split('\n', StringSplitOptions.TrimEntries);
        return string.Join(" < ", frames.Where(frame => frame.Contains("Crossnode", StringComparison.Ordinal)).Take(3));
    }
}
