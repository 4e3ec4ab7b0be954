using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>The links of the next view (R19).</summary>
internal static class NextLinks
{
    /// <summary>Settles every pair of the members that continue.</summary>
    /// <param name="current">The record of the view that ends.</param>
    /// <param name="members">Who continues, ascending.</param>
    /// <param name="reports">What was reported in the view that ends.</param>
    /// <param name="committed">Whether that view committed anything.</param>
    /// <param name="mayReturn">
    /// Whether links that were left out may come back. Not after a change that only link reports caused: there, the return
    /// of one bad link would push another out, and so on for ever.
    /// </param>
    /// <param name="isForgiven">Whether a member installed the view too late for dials to be a test of its links.</param>
    /// <param name="texts">Gets a sentence for every link that got worse.</param>
    public static List<LinkRecord> Settle(
        ViewRecord current,
        IReadOnlyList<MemberId> members,
        LinkReports reports,
        bool committed,
        bool mayReturn,
        Func<MemberId, bool> isForgiven,
        List<string> texts)
    {
        var before = current.Links.ToDictionary(link => (link.First, link.Second), link => link.Condition);
        var next = new List<LinkRecord>();
        for (var a = 0; a < members.Count; a++)
        {
            for (var b = a + 1; b < members.Count; b++)
            {
                var was = before.GetValueOrDefault((members[a].Value, members[b].Value), LinkCondition.LinkUp);
                var said = reports.Of(members[a], members[b])
                    .Where(said => !isForgiven(said.Reporter)
                        && (!said.Report.NeverOpened || !isForgiven(new MemberId(said.Report.Member))))
                    .ToList();
                var becomes = said.Count > 0
                    ? Reported(was, said.TrueForAll(report => report.Report.NeverOpened), committed)
                    : Unreported(was, committed, mayReturn);
                if (said.Count > 0)
                {
                    texts.Add(
                        $"the link between {members[a]} and {members[b]} is "
                        + (becomes == LinkCondition.LinkOut ? "left out" : "on probation")
                        + $" ({string.Join("; ", said.Select(report => $"{report.Reporter}: {report.Report.Reason}"))})");
                }

                if (becomes != LinkCondition.LinkUp)
                {
                    next.Add(new LinkRecord { First = members[a].Value, Second = members[b].Value, Condition = becomes });
                }
            }
        }

        return next;
    }

    /// <summary>Every pair on probation: none has been opened yet.</summary>
    public static IEnumerable<LinkRecord> AllOnProbation(IReadOnlyList<MemberId> members)
    {
        for (var a = 0; a < members.Count; a++)
        {
            for (var b = a + 1; b < members.Count; b++)
            {
                yield return new LinkRecord
                {
                    First = members[a].Value,
                    Second = members[b].Value,
                    Condition = LinkCondition.LinkProbation,
                };
            }
        }
    }

    /// <summary>
    /// The members of the largest part that hangs together; among equals the one with more open streams, then the one with
    /// the first member. Newcomers may hold a part together, but do not make it larger.
    /// </summary>
    public static HashSet<MemberId> LargestPart(
        IReadOnlyList<MemberId> members,
        IEnumerable<LinkRecord> links,
        Func<MemberId, bool> counts,
        Func<MemberId, bool> hasStream)
    {
        var graph = LinkGraph.Complete(members.Count);
        foreach (var link in links)
        {
            if (link.Condition == LinkCondition.LinkOut)
            {
                graph = graph.Without(RankOf(members, link.First), RankOf(members, link.Second));
            }
        }

        var seen = new HashSet<int>();
        var best = new HashSet<MemberId>();
        var bestSize = 0;
        var bestStreams = -1;
        for (var first = 0; first < members.Count; first++)
        {
            if (seen.Contains(first))
            {
                continue;
            }

            var tree = graph.BreadthFirstTree(first);
            var part = Enumerable.Range(0, members.Count).Where(rank => tree[rank] != LinkGraph.Unreachable).ToList();
            seen.UnionWith(part);
            var size = part.Count(rank => counts(members[rank]));
            var streams = part.Count(rank => counts(members[rank]) && hasStream(members[rank]));
            if (size > bestSize || (size == bestSize && streams > bestStreams))
            {
                bestSize = size;
                best = [.. part.Select(rank => members[rank])];
                bestStreams = streams;
            }
        }

        return best;
    }

    private static LinkCondition Reported(LinkCondition was, bool neverOpened, bool committed) => was switch
    {
        _ when neverOpened => LinkCondition.LinkOut,
        LinkCondition.LinkUp => LinkCondition.LinkProbation,
        LinkCondition.LinkProbation when committed => LinkCondition.LinkProbation,
        _ => LinkCondition.LinkOut,
    };

    private static LinkCondition Unreported(LinkCondition was, bool committed, bool mayReturn) => was switch
    {
        LinkCondition.LinkProbation when committed => LinkCondition.LinkUp,
        LinkCondition.LinkOut when committed && mayReturn => LinkCondition.LinkProbation,
        _ => was,
    };

    private static int RankOf(IReadOnlyList<MemberId> members, uint member)
    {
        for (var rank = 0; rank < members.Count; rank++)
        {
            if (members[rank].Value == member)
            {
                return rank;
            }
        }

        return -1;
    }
}
