using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>What follows from the answers to a PREPARE: members, commit points, killed numbers, links. A pure function.</summary>
internal sealed class NextView
{
    private NextView(ViewRecord record, List<MemberSeat> continuing, List<(MemberSeat Seat, string? Why)> leftOut)
    {
        Record = record;
        Continuing = continuing;
        LeftOut = leftOut;
    }

    public ViewRecord Record { get; }

    public List<MemberSeat> Continuing { get; }

    /// <summary>Who is not in it, and why when that is not plain from the seat.</summary>
    public List<(MemberSeat Seat, string? Why)> LeftOut { get; }

    /// <summary>The first view: everybody, all links on probation until something commits.</summary>
    public static NextView First(IEnumerable<MemberSeat> seats, ViewId id)
    {
        var continuing = seats.ToList();
        var record = new ViewRecord { Id = id.ToRecord(), Predecessor = ViewId.None.ToRecord() };
        AddMembers(record, continuing);
        for (var first = 0; first < continuing.Count; first++)
        {
            for (var second = first + 1; second < continuing.Count; second++)
            {
                record.Links.Add(Link(continuing[first].Id, continuing[second].Id, LinkCondition.LinkProbation));
            }
        }

        return new NextView(record, continuing, []);
    }

    public static NextView Compute(
        View view,
        IEnumerable<MemberSeat> seats,
        Func<MemberSeat, bool> isGone,
        bool onlyLinkReports,
        ProtocolRules rules,
        ulong nonce)
    {
        var all = seats.ToList();
        var continuing = all.FindAll(seat => Continues(seat, isGone, rules));
        var settling = (rules & ProtocolRules.R2) != 0 ? all : continuing;
        var record = new ViewRecord
        {
            Id = new ViewId(view.Id.Epoch + 1, nonce).ToRecord(),
            Predecessor = view.Id.ToRecord(),
        };
        var committed = Settle(record, view.Record, settling, all, isGone, rules);
        var links = (rules & ProtocolRules.R19) != 0
            ? LinkConditions.Next(view, continuing, committed, mayReturn: committed && !onlyLinkReports)
            : [];
        var component = LargestComponent(continuing, links);
        var leftOut = all.Except(component).Select(seat => (seat, continuing.Contains(seat) ? Unconnected(seat) : null)).ToList();
        AddMembers(record, component);
        foreach (var link in links)
        {
            if (component.Exists(seat => seat.Id.Value == link.First) && component.Exists(seat => seat.Id.Value == link.Second))
            {
                record.Links.Add(link);
            }
        }

        return new NextView(record, component, leftOut!);
    }

    private static string Unconnected(MemberSeat seat) =>
        "its links to the larger part of the members are broken: " + string.Join(
            ", ", seat.Reports.Values.Select(report => $"member {report.Member} ({report.Reason})"));

    private static bool Continues(MemberSeat seat, Func<MemberSeat, bool> isGone, ProtocolRules rules)
    {
        if (seat.IsLeaving || seat.IsRestarted)
        {
            return false;
        }

        return (rules & ProtocolRules.R2) != 0 ? seat.Answer is not null : seat.Answer is not null || !isGone(seat);
    }

    private static void AddMembers(ViewRecord record, List<MemberSeat> members)
    {
        foreach (var seat in members)
        {
            record.Members.Add(new MemberRecord { Id = seat.Id.Value, Incarnation = seat.Incarnation, Endpoint = seat.Endpoint });
        }
    }

    private static LinkRecord Link(MemberId first, MemberId second, LinkCondition condition) =>
        new() { First = first.Value, Second = second.Value, Condition = condition };

    // R2, R13, R16. Returns whether the view that ends committed anything.
    private static bool Settle(
        ViewRecord record, ViewRecord old, List<MemberSeat> settling, List<MemberSeat> all, Func<MemberSeat, bool> isGone, ProtocolRules rules)
    {
        var tags = new SortedDictionary<uint, TagSettlement>();
        TagSettlement TagOf(uint tag) =>
            tags.TryGetValue(tag, out var found) ? found : tags[tag] = new TagSettlement(tag);

        foreach (var tag in old.Tags)
        {
            TagOf(tag.Tag).Inherit(tag);
        }

        foreach (var seat in settling)
        {
            foreach (var answer in seat.Answer?.Tags ?? [])
            {
                TagOf(answer.Tag).Take(answer);
            }

            if ((rules & ProtocolRules.R16) != 0)
            {
                foreach (var condemned in seat.Answer?.Condemned ?? [])
                {
                    TagOf(condemned.Tag).Condemn(condemned);
                }
            }
        }

        var why = Lost(all, isGone);
        var committed = false;
        foreach (var tag in tags.Values)
        {
            committed |= tag.Committed;
            record.Tags.Add(tag.ToRecord(why, (rules & ProtocolRules.R13) != 0));
        }

        return committed;
    }

    private static string Lost(List<MemberSeat> all, Func<MemberSeat, bool> isGone)
    {
        var gone = all.FindAll(seat => seat.IsLeaving || isGone(seat) || seat.Answer is null);
        return gone.Count == 0
            ? "the view changed before the operation committed"
            : $"the view changed before the operation committed: {string.Join(", ", gone.Select(seat => seat.Id))} gone";
    }

    // R19. Ties: more open streams, then the component with the first member.
    private static List<MemberSeat> LargestComponent(List<MemberSeat> seats, List<LinkRecord> links)
    {
        if (seats.Count == 0)
        {
            return seats;
        }

        var graph = LinkGraph.Complete(seats.Count);
        foreach (var link in links.Where(link => link.Condition == LinkCondition.LinkOut))
        {
            graph = graph.Without(
                seats.FindIndex(seat => seat.Id.Value == link.First), seats.FindIndex(seat => seat.Id.Value == link.Second));
        }

        var rest = Enumerable.Range(0, seats.Count).ToList();
        List<int> best = [];
        while (rest.Count > 0)
        {
            var tree = graph.BreadthFirstTree(rest[0]);
            var component = rest.FindAll(rank => tree[rank] != int.MinValue);
            rest.RemoveAll(component.Contains);
            var isBetter = component.Count > best.Count || (component.Count == best.Count && Streams(component) > Streams(best));
            best = isBetter ? component : best;
        }

        return best.ConvertAll(rank => seats[rank]);

        int Streams(List<int> ranks) => ranks.Count(rank => seats[rank].Stream != 0);
    }

    private sealed class TagSettlement(uint tag)
    {
        private readonly SortedDictionary<long, KilledRecord> _killed = [];
        private long _before;
        private long _commitPoint;
        private long _highestStarted;
        private bool _reports;

        public bool Committed => _commitPoint > _before;

        public void Inherit(TagRecord record)
        {
            _before = _commitPoint = record.CommitPoint;
            foreach (var killed in record.Killed)
            {
                _killed[killed.Sequence] = killed;
            }
        }

        public void Take(TagAnswer answer)
        {
            _commitPoint = Math.Max(_commitPoint, answer.Committed);
            _highestStarted = Math.Max(_highestStarted, answer.HighestStarted);
            _reports |= answer.OnViewChange == 2;
        }

        // Both sides of a mismatch are shown: the distinct reasons of all members that condemned.
        public void Condemn(Condemned condemned)
        {
            if (!_killed.TryGetValue(condemned.Sequence, out var killed))
            {
                _killed[condemned.Sequence] = new KilledRecord
                {
                    Sequence = condemned.Sequence, Kind = condemned.Kind, Reason = condemned.Reason,
                };
                return;
            }

            var isMismatch = condemned.Kind == (uint)ErrorKind.Mismatch;
            var known = killed.Reason.Contains(condemned.Reason, StringComparison.Ordinal);
            _killed[condemned.Sequence] = new KilledRecord
            {
                Sequence = condemned.Sequence,
                Kind = isMismatch ? condemned.Kind : killed.Kind,
                Reason = known ? killed.Reason : $"{killed.Reason}; {condemned.Reason}",
            };
        }

        public TagRecord ToRecord(string why, bool killsReported)
        {
            var record = new TagRecord { Tag = tag, CommitPoint = _commitPoint };
            for (var sequence = _commitPoint + 1; killsReported && _reports && sequence <= _highestStarted; sequence++)
            {
                if (!_killed.ContainsKey(sequence))
                {
                    _killed[sequence] = new KilledRecord
                    {
                        Sequence = sequence, Kind = (uint)ErrorKind.Membership, Reason = why,
                    };
                }
            }

            record.Killed.AddRange(_killed.Values.Where(killed => killed.Sequence > _commitPoint));
            return record;
        }
    }
}
