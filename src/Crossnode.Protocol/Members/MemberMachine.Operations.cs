using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Members;

/// <summary>Numbers, the commit barrier, and what a new view settles.</summary>
public sealed partial class MemberMachine
{
    private readonly SortedDictionary<(uint Tag, long Sequence), Condemned> _condemned = [];

    /// <summary>Takes a called operation and gives its number: the k-th call of a tag has number k on every member (R13).</summary>
    /// <param name="tag">The tag.</param>
    /// <param name="onViewChange">1 retry, 2 report; fixed by the tag's first operation.</param>
    /// <param name="actions">StartOperation when it may start now; Abort when its number is burnt.</param>
    public long Submit(uint tag, uint onViewChange, List<MemberAction> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        var state = TagOf(tag);
        state.OnViewChange = state.OnViewChange == 0 ? onViewChange : state.OnViewChange;
        var sequence = state.NextSequence++;
        if (sequence <= state.CommitPoint)
        {
            actions.Add(LeftOpen(tag, sequence));
            return sequence;
        }

        if (state.Killed.TryGetValue(sequence, out var killed))
        {
            actions.Add(AbortOf(tag, killed));
            return sequence;
        }

        state.Operations.Add(new OperationState(sequence));
        StartWaiting(state, actions);
        return sequence;
    }

    /// <summary>The number that the next call of a tag gets, if no view comes before it.</summary>
    public long NextSequence(uint tag) => _tags.TryGetValue(tag, out var state) ? state.NextSequence : 1;

    /// <summary>The mode that the tag's first operation fixed: 1 retry, 2 report, 0 when it has had none.</summary>
    public uint OnViewChangeOf(uint tag) => _tags.TryGetValue(tag, out var state) ? state.OnViewChange : 0;

    /// <summary>Whether an operation is called here and not settled yet.</summary>
    public bool IsPending(uint tag, long sequence) => _tags.TryGetValue(tag, out var state) && state.Find(sequence) is not null;

    /// <summary>Whether a number lies behind the commit point or was burnt, so that frames for it are of no use.</summary>
    public bool IsSettled(uint tag, long sequence) =>
        _tags.TryGetValue(tag, out var state) && (sequence <= state.CommitPoint || state.Killed.ContainsKey(sequence));

    /// <summary>Where a called operation stands; null when it is not called, or settled.</summary>
    internal OperationState? StateOf(uint tag, long sequence) =>
        _tags.TryGetValue(tag, out var state) ? state.Find(sequence) : null;

    private static MemberAction AbortOf(uint tag, KilledRecord killed) =>
        new(MemberActionKind.Abort, Tag: tag, Sequence: killed.Sequence, Error: (ErrorKind)killed.Kind, Text: killed.Reason);

    // Only of best-effort tags: everything else that a view settles has been called by all of its members.
    private static MemberAction LeftOpen(uint tag, long sequence) => new(
        MemberActionKind.Abort,
        Tag: tag,
        Sequence: sequence,
        Error: ErrorKind.Membership,
        Text: "the view changed while members were at this best-effort operation; others may have its result");

    private TagState TagOf(uint tag)
    {
        if (!_tags.TryGetValue(tag, out var state))
        {
            state = new TagState(tag);
            _tags.Add(tag, state);
        }

        return state;
    }

    private void StartWaiting(TagState tag, List<MemberAction> actions)
    {
        if (View is null || (IsFrozen && Has(ProtocolRules.R1)))
        {
            return;
        }

        var running = 0;
        foreach (var operation in tag.Operations)
        {
            if (running++ >= _options.MaxInFlightPerTag)
            {
                break;
            }

            if (operation.Phase == OperationPhase.Waiting)
            {
                operation.Phase = OperationPhase.Running;
                operation.EverStarted = true;
                actions.Add(new MemberAction(MemberActionKind.StartOperation, Tag: tag.Tag, Sequence: operation.Sequence));
            }
        }
    }

    private void OnDataComplete(uint tag, long sequence, List<MemberAction> actions)
    {
        if (IsFrozen && Has(ProtocolRules.R1))
        {
            return;
        }

        var state = TagOf(tag);
        if (state.Find(sequence) is { Phase: OperationPhase.Running } operation)
        {
            operation.Phase = OperationPhase.DataComplete;
            Advance(state, actions);
        }
    }

    private void OnToken(in MemberEvent token, List<MemberAction> actions)
    {
        if (View is null || (IsFrozen && Has(ProtocolRules.R1)))
        {
            return;
        }

        var state = TagOf(token.Tag);
        if (token.Sequence <= state.CommitPoint)
        {
            return;
        }

        state.AddToken(token.Sequence, TokenBit(View.Barrier, token.Rank, token.Round));
        Advance(state, actions);
    }

    // Dissemination: one bit a round. Tree: bit 0 for the token from above, one bit for each child.
    private int TokenBit(BarrierPlan barrier, int from, int round)
    {
        if (barrier.IsDissemination)
        {
            return round;
        }

        if (round == BarrierPlan.Down)
        {
            return 0;
        }

        var children = barrier.Children(Rank);
        for (var index = 0; index < children.Count; index++)
        {
            if (children[index] == from)
            {
                return 1 + index;
            }
        }

        return 0;
    }

    private void Advance(TagState tag, List<MemberAction> actions)
    {
        foreach (var operation in tag.Operations)
        {
            if (operation.Phase < OperationPhase.DataComplete)
            {
                if (Has(ProtocolRules.R3))
                {
                    break;
                }

                continue;
            }

            if (operation.Phase == OperationPhase.DataComplete && RunBarrier(tag, operation, actions))
            {
                operation.Phase = OperationPhase.BarrierPassed;
            }
        }

        CommitPassed(tag, actions);
        StartWaiting(tag, actions);
    }

    private bool RunBarrier(TagState tag, OperationState operation, List<MemberAction> actions)
    {
        var barrier = View!.Barrier;
        if (barrier.WorldSize == 1 || tag.OnViewChange == TagMode.BestEffort)
        {
            return true;
        }

        return barrier.IsDissemination ? Disseminate(barrier, tag, operation, actions) : UpAndDown(barrier, tag, operation, actions);
    }

    private bool Disseminate(BarrierPlan barrier, TagState tag, OperationState operation, List<MemberAction> actions)
    {
        if (operation.Round < 0)
        {
            operation.Round = 0;
            actions.Add(Token(tag.Tag, operation.Sequence, barrier.Target(Rank, 0), 0));
        }

        while (tag.HasToken(operation.Sequence, operation.Round))
        {
            operation.Round++;
            if (operation.Round == barrier.Rounds)
            {
                return true;
            }

            actions.Add(Token(tag.Tag, operation.Sequence, barrier.Target(Rank, operation.Round), operation.Round));
        }

        return false;
    }

    private bool UpAndDown(BarrierPlan barrier, TagState tag, OperationState operation, List<MemberAction> actions)
    {
        var children = barrier.Children(Rank);
        var parent = barrier.Parent(Rank);
        if (operation.Round < 0)
        {
            for (var index = 0; index < children.Count; index++)
            {
                if (!tag.HasToken(operation.Sequence, 1 + index))
                {
                    return false;
                }
            }

            operation.Round = BarrierPlan.Up;
            if (parent >= 0)
            {
                actions.Add(Token(tag.Tag, operation.Sequence, parent, BarrierPlan.Up));
            }
        }

        if (parent >= 0 && !tag.HasToken(operation.Sequence, 0))
        {
            return false;
        }

        foreach (var child in children)
        {
            actions.Add(Token(tag.Tag, operation.Sequence, child, BarrierPlan.Down));
        }

        return true;
    }

    private static MemberAction Token(uint tag, long sequence, int rank, int round) =>
        new(MemberActionKind.SendToken, rank, tag, sequence, round);

    private void CommitPassed(TagState tag, List<MemberAction> actions)
    {
        var index = 0;
        while (index < tag.Operations.Count)
        {
            var operation = tag.Operations[index];
            if (operation.Phase == OperationPhase.BarrierPassed)
            {
                tag.Operations.RemoveAt(index);
                Committed(tag, operation.Sequence, actions);
            }
            else if (Has(ProtocolRules.R3))
            {
                return;
            }
            else
            {
                index++;
            }
        }
    }

    private void Committed(TagState tag, long sequence, List<MemberAction> actions)
    {
        tag.CommitPoint = Math.Max(tag.CommitPoint, sequence);
        tag.ForgetTokens(sequence);
        _condemned.Remove((tag.Tag, sequence));
        actions.Add(new MemberAction(MemberActionKind.Commit, Tag: tag.Tag, Sequence: sequence));
    }

    private void Condemn(TimeSpan now, in MemberEvent happened, List<MemberAction> actions)
    {
        var tag = TagOf(happened.Tag);
        if (tag.Find(happened.Sequence) is not { } operation || _condemned.ContainsKey((tag.Tag, happened.Sequence)))
        {
            return;
        }

        if (!Has(ProtocolRules.R16))
        {
            tag.Operations.Remove(operation);
            actions.Add(new MemberAction(
                MemberActionKind.Abort, Tag: tag.Tag, Sequence: happened.Sequence, Error: happened.Error, Text: happened.Text));
            return;
        }

        _condemned.Add((tag.Tag, happened.Sequence), new Condemned
        {
            Tag = happened.Tag,
            Sequence = happened.Sequence,
            Kind = (uint)happened.Error,
            Reason = happened.Text ?? "",
        });
        _needsViewSince ??= now;
        if (View is not null && !IsFrozen)
        {
            actions.Add(Send(new ControlMessage { ChangeRequest = MakeChangeRequest() }));
        }
    }

    private ChangeRequest MakeChangeRequest()
    {
        var request = new ChangeRequest { View = View!.Id.ToRecord() };
        request.Condemned.AddRange(_condemned.Values);
        return request;
    }

    // What the next view says of this one: up to the commit point all succeeded, killed ones are dead, the rest runs again.
    private void Settle(ViewRecord next, List<MemberAction> actions)
    {
        foreach (var record in next.Tags)
        {
            var tag = TagOf(record.Tag);
            tag.Killed.Clear();
            foreach (var killed in record.Killed)
            {
                tag.Killed[killed.Sequence] = killed;
            }

            SettleOperations(tag, record.CommitPoint, actions);
            tag.CommitPoint = Math.Max(tag.CommitPoint, record.CommitPoint);
            if (View is null)
            {
                tag.NextSequence = FirstNumber(tag);
            }
        }

        foreach (var tag in _tags.Values)
        {
            tag.ForgetAllTokens();
            foreach (var operation in tag.Operations)
            {
                operation.Reset();
            }

            if (!Has(ProtocolRules.R13))
            {
                Renumber(tag);
            }
        }
    }

    // R13: a newcomer's first call has the lowest number above the commit point that is not burnt.
    private static long FirstNumber(TagState tag)
    {
        var number = Math.Max(tag.NextSequence, tag.CommitPoint + 1);
        while (tag.Operations.Count == 0 && tag.Killed.ContainsKey(number))
        {
            number++;
        }

        return number;
    }

    private void SettleOperations(TagState tag, long commitPoint, List<MemberAction> actions)
    {
        for (var index = 0; index < tag.Operations.Count;)
        {
            var sequence = tag.Operations[index].Sequence;
            if (sequence <= commitPoint && tag.OnViewChange == TagMode.BestEffort)
            {
                tag.Operations.RemoveAt(index);
                var own = _condemned.GetValueOrDefault((tag.Tag, sequence));
                _condemned.Remove((tag.Tag, sequence));
                var abort = LeftOpen(tag.Tag, sequence);
                actions.Add(own is null ? abort : abort with { Error = (ErrorKind)own.Kind, Text = own.Reason });
            }
            else if (sequence <= commitPoint)
            {
                tag.Operations.RemoveAt(index);
                Committed(tag, sequence, actions);
            }
            else if (tag.Killed.TryGetValue(sequence, out var killed))
            {
                tag.Operations.RemoveAt(index);
                _condemned.Remove((tag.Tag, sequence));
                actions.Add(AbortOf(tag.Tag, killed));
            }
            else
            {
                index++;
            }
        }
    }

    // Only without R13: numbers that start again behind the commit point, as a naive design would have it.
    private static void Renumber(TagState tag) => tag.NextSequence =
        (tag.Operations.Count > 0 ? tag.Operations[^1].Sequence : tag.CommitPoint) + 1;
}
