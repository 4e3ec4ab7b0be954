using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Members;

/// <summary>Links, freezing and installing.</summary>
public sealed partial class MemberMachine
{
    private readonly SortedDictionary<uint, LinkReport> _reports = [];
    private Answer? _answer;
    private TimeSpan _installedAt;

    private enum LinkStatus
    {
        None,
        Opening,
        Up,
        Frozen,
        Broken,
    }

    /// <summary>Whether the link to a rank may still open: a broken one is not used again in its view (R18).</summary>
    public bool MayOpen(int rank) => (uint)rank < (uint)_links.Length && _links[rank].Status == LinkStatus.Opening;

    private void LinkUp(TimeSpan now, int rank)
    {
        ref var link = ref _links[rank];
        if (link.Status == LinkStatus.Opening)
        {
            link.Status = LinkStatus.Up;
            link.Heard = now;
        }
    }

    private void LinkDown(TimeSpan now, int rank, string reason, List<MemberAction> actions, bool unanswered = false)
    {
        ref var link = ref _links[rank];
        if (IsFrozen || View is null || link.Status is LinkStatus.None or LinkStatus.Broken or LinkStatus.Frozen)
        {
            return;
        }

        var report = new LinkReport
        {
            View = View.Id.ToRecord(),
            Member = View.Members[rank].Value,
            NeverOpened = link.Status == LinkStatus.Opening,
            Unanswered = unanswered,
            Reason = reason,
        };
        link.Status = LinkStatus.Broken;
        _reports[report.Member] = report;
        _needsViewSince ??= now;
        actions.Add(new MemberAction(
            MemberActionKind.Log, rank, Text: $"link to {View.Members[rank]} of {View.Id} is broken: {reason}"));
        actions.Add(Send(new ControlMessage { LinkReport = report }));
    }

    private void LinkFrozen(int rank, List<MemberAction> actions)
    {
        ref var link = ref _links[rank];
        if (link.Status is LinkStatus.Up or LinkStatus.Opening)
        {
            link.Status = LinkStatus.Frozen;
            actions.Add(new MemberAction(MemberActionKind.CloseLink, rank));
        }
    }

    private void CheckLinks(TimeSpan now, List<MemberAction> actions)
    {
        for (var rank = 0; rank < _links.Length && !IsFrozen; rank++)
        {
            var link = _links[rank];
            var silent = link.Status == LinkStatus.Up && now - link.Heard > _options.EvictAfter;
            var unanswered = link.Status == LinkStatus.Opening && now - link.OpenedSince > _options.DialTimeout;
            if (silent || unanswered)
            {
                var reason = silent
                    ? $"nothing heard for {_options.EvictAfter.TotalSeconds:0.#} s"
                    : $"not open after {_options.DialTimeout.TotalSeconds:0.#} s";
                actions.Add(new MemberAction(MemberActionKind.CloseLink, rank));
                LinkDown(now, rank, reason, actions, unanswered);
            }
        }
    }

    private void OnPrepare(TimeSpan now, Prepare prepare, List<MemberAction> actions)
    {
        var id = prepare.View.Id.ToId();
        if (View?.Id != id)
        {
            var installsFirst = Has(ProtocolRules.R4)
                && (View is null || prepare.View.Predecessor.ToId() == View.Id) && ListsMe(prepare.View);
            if (installsFirst)
            {
                var view = new View(prepare.View);
                if (EndIfLeftOutBefore(view, actions))
                {
                    return;
                }

                Install(now, view, actions);
            }
            else if (Has(ProtocolRules.R4) || View is null)
            {
                return; // Of another chain or long past; HELLO sorts that out.
            }
        }

        if (!IsFrozen)
        {
            Freeze(now, actions);
        }

        var answer = _answer!.Clone();
        answer.Round = prepare.Round;
        if (!Has(ProtocolRules.R1))
        {
            answer = MakeAnswer(now);
            answer.Round = prepare.Round;
        }

        if (!Has(ProtocolRules.R4))
        {
            answer.View = prepare.View.Id;
        }

        actions.Add(Send(new ControlMessage { Answer = answer }));
    }

    private bool ListsMe(ViewRecord record)
    {
        foreach (var member in record.Members)
        {
            if (member.Id == Self.Value)
            {
                return member.Incarnation == _options.Incarnation || !Has(ProtocolRules.R9);
            }
        }

        return false;
    }

    private void Freeze(TimeSpan now, List<MemberAction> actions)
    {
        IsFrozen = true;
        _answer = MakeAnswer(now);
        if (Has(ProtocolRules.R1))
        {
            actions.Add(new MemberAction(MemberActionKind.Freeze));
        }
    }

    private Answer MakeAnswer(TimeSpan now)
    {
        var answer = new Answer
        {
            View = View?.Id.ToRecord(),
            Leaving = _leaving,
            InstalledMs = (ulong)(now - _installedAt).TotalMilliseconds,
        };
        foreach (var tag in _tags.Values)
        {
            answer.Tags.Add(tag.Answer());
        }

        answer.Condemned.AddRange(_condemned.Values);
        answer.Reports.AddRange(_reports.Values);
        return answer;
    }

    private void OnNewView(TimeSpan now, ViewRecord record, List<MemberAction> actions)
    {
        var current = View?.Id ?? ViewId.None;
        var isNext = View is null || record.Predecessor.ToId() == current
            || (!Has(ProtocolRules.R4) && record.Id.ToId().Epoch > current.Epoch);
        if (!isNext || !ListsMe(record))
        {
            return;
        }

        // A record that is no view must leave everything as it is.
        var view = new View(record);
        if (EndIfLeftOutBefore(view, actions))
        {
            return;
        }

        if (!IsFrozen && View is not null)
        {
            Freeze(now, actions);
        }

        Install(now, view, actions);
    }

    // R9: calls from before the first view were meant for that one. Who comes later without having been in it has missed operations,
    // and the numbers of its own mean others by now.
    private bool EndIfLeftOutBefore(View view, List<MemberAction> actions)
    {
        var rank = view.RankOf(Self);
        var isLeftOut = View is null && Has(ProtocolRules.R9) && view.Record.Members[rank].Joined > 1
            && _tags.Values.Any(static tag => tag.Operations.Count > 0);
        if (isLeftOut)
        {
            End("evicted from the run: it was left out before it had installed a view", actions);
        }

        return isLeftOut;
    }

    private void Install(TimeSpan now, View view, List<MemberAction> actions)
    {
        var record = view.Record;
        Settle(record, actions);
        View = view;
        Rank = view.RankOf(Self);
        IsFrozen = false;
        _installedAt = now;
        _answer = null;
        _reports.Clear();
        _needsViewSince = null;
        _links = new LinkState[view.Members.Count];
        for (var rank = 0; rank < _links.Length; rank++)
        {
            if (rank != Rank && view.Links.HasLink(Rank, rank))
            {
                _links[rank] = new LinkState { Status = LinkStatus.Opening, OpenedSince = now, Heard = now };
            }
        }

        actions.Add(new MemberAction(MemberActionKind.Install, View: view));
        if (_condemned.Count > 0)
        {
            actions.Add(Send(new ControlMessage { ChangeRequest = MakeChangeRequest() }));
        }

        foreach (var tag in _tags.Values)
        {
            StartWaiting(tag, actions);
        }
    }

    private struct LinkState
    {
        public LinkStatus Status;
        public TimeSpan Heard;
        public TimeSpan OpenedSince;
    }
}
