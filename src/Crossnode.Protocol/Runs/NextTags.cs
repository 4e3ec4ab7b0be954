using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;

namespace Crossnode.Protocol.Runs;

/// <summary>What the answers settle: commit points and killed numbers of the next view (R2, R13, R16).</summary>
internal static class NextTags
{
    // Far above what members may have in flight, over all tags: a broken member cannot make a record of any size.
    private const int MostReported = 1 << 14;

    public static List<TagRecord> Settle(
        ViewRecord current, IReadOnlyList<(MemberId Member, Answer Answer)> answers, string changeText, ProtocolRules rules)
    {
        var settled = new SortedDictionary<uint, TagRecord>();
        foreach (var tag in current.Tags)
        {
            Of(settled, tag.Tag).CommitPoint = tag.CommitPoint;
        }

        foreach (var (_, answer) in answers)
        {
            foreach (var tag in answer.Tags)
            {
                var record = Of(settled, tag.Tag);

                // What was begun without a barrier is left behind by all, done or not.
                var settledBy = tag.OnViewChange == TagMode.BestEffort ? Math.Max(tag.Committed, tag.HighestStarted) : tag.Committed;
                record.CommitPoint = Math.Max(record.CommitPoint, settledBy);
            }
        }

        var killed = new SortedDictionary<(uint Tag, long Sequence), KilledRecord>();
        foreach (var tag in current.Tags)
        {
            foreach (var record in tag.Killed)
            {
                killed.TryAdd((tag.Tag, record.Sequence), record);
            }
        }

        if ((rules & ProtocolRules.R16) != 0)
        {
            AddCondemned(killed, answers);
        }

        if ((rules & ProtocolRules.R13) != 0)
        {
            AddReported(killed, settled, answers, changeText);
        }

        foreach (var ((tag, sequence), record) in killed)
        {
            var of = Of(settled, tag);
            if (sequence > of.CommitPoint)
            {
                of.Killed.Add(record);
            }
        }

        return [.. settled.Values];
    }

    /// <summary>Whether anything committed in the view that ends: some commit point moved, of a tag that has a barrier.</summary>
    public static bool HasCommitted(ViewRecord current, IReadOnlyList<(MemberId Member, Answer Answer)> answers)
    {
        var before = current.Tags.ToDictionary(tag => tag.Tag, tag => tag.CommitPoint);
        return answers.SelectMany(answer => answer.Answer.Tags).Any(
            tag => tag.OnViewChange != TagMode.BestEffort && tag.Committed > before.GetValueOrDefault(tag.Tag));
    }

    private static TagRecord Of(SortedDictionary<uint, TagRecord> tags, uint tag)
    {
        if (!tags.TryGetValue(tag, out var record))
        {
            record = new TagRecord { Tag = tag };
            tags.Add(tag, record);
        }

        return record;
    }

    // Several members may have condemned the same operation for reasons of their own: a mismatch shows all sides.
    private static void AddCondemned(
        SortedDictionary<(uint Tag, long Sequence), KilledRecord> killed, IReadOnlyList<(MemberId Member, Answer Answer)> answers)
    {
        var texts = new SortedDictionary<(uint Tag, long Sequence), (uint Kind, List<string> Said, List<string> Reasons)>();
        foreach (var (member, answer) in answers)
        {
            foreach (var condemned in answer.Condemned)
            {
                var number = (condemned.Tag, condemned.Sequence);
                var (kind, said, reasons) = texts.GetValueOrDefault(number, (condemned.Kind, [], []));
                if (!said.Contains(condemned.Reason))
                {
                    said.Add(condemned.Reason);
                    reasons.Add($"{member}: {condemned.Reason}");
                }

                texts[number] = (condemned.Kind == (uint)ErrorKind.Mismatch ? condemned.Kind : kind, said, reasons);
            }
        }

        foreach (var (number, (kind, _, reasons)) in texts)
        {
            killed.TryAdd(number, new KilledRecord
            {
                Sequence = number.Sequence,
                Kind = kind,
                Reason = string.Join("; ", reasons),
            });
        }
    }

    private static void AddReported(
        SortedDictionary<(uint Tag, long Sequence), KilledRecord> killed,
        SortedDictionary<uint, TagRecord> settled,
        IReadOnlyList<(MemberId Member, Answer Answer)> answers,
        string changeText)
    {
        var highest = new SortedDictionary<uint, long>();
        foreach (var tag in answers.SelectMany(answer => answer.Answer.Tags))
        {
            if (tag.OnViewChange == TagMode.Report)
            {
                highest.TryAdd(tag.Tag, 0);
            }
        }

        // A member that has not called the tag yet does not know its mode, but one that does is enough.
        foreach (var tag in answers.SelectMany(answer => answer.Answer.Tags))
        {
            if (highest.TryGetValue(tag.Tag, out var known))
            {
                highest[tag.Tag] = Math.Max(known, tag.HighestStarted);
            }
        }

        var left = MostReported;
        foreach (var (tag, last) in highest)
        {
            for (var sequence = settled[tag].CommitPoint + 1; sequence <= last && left > 0; sequence++, left--)
            {
                killed.TryAdd((tag, sequence), new KilledRecord
                {
                    Sequence = sequence,
                    Kind = (uint)ErrorKind.Membership,
                    Reason = $"the view changed ({changeText})",
                });
            }
        }
    }
}
