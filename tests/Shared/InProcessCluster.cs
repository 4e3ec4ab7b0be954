using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Testing;

/// <summary>
/// Members in one process, one thread each, that meet in shared memory: what <see cref="ICommunicator"/> promises, computed
/// by plain loops in rank order with 64-bit sums. Deaths happen at chosen operations, so tests repeat to the bit.
/// </summary>
public sealed class InProcessCluster
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly object _gate = new();
    private readonly Dictionary<uint, TagState> _tags = [];
    private readonly HashSet<(MemberId Member, uint Tag, long Sequence)> _deaths = [];
    private readonly Dictionary<MemberId, TrafficCounters> _traffic = [];
    private List<MemberId> _members;
    private long _epoch = 1;

    public InProcessCluster(int members)
    {
        _members = [.. Enumerable.Range(0, members).Select(i => new MemberId((uint)i))];
        Communicators = [.. _members.Select(m => new Communicator(this, m))];
    }

    public IReadOnlyList<ICommunicator> Communicators { get; }

    /// <summary>Lets a member die when it calls this operation: its part is not in the result.</summary>
    public void KillAt(int member, uint tag, long sequence) => _deaths.Add((new MemberId((uint)member), tag, sequence));

    /// <summary>Runs one body a member, each on a thread of its own, and gives back what they returned or threw.</summary>
    public IReadOnlyList<(T? Result, Exception? Error)> Run<T>(Func<ICommunicator, T> body)
    {
        var results = new (T?, Exception?)[Communicators.Count];
        var threads = Communicators.Select((communicator, i) => new Thread(() =>
        {
            try
            {
                results[i] = (body(communicator), null);
            }
            catch (Exception e)
            {
                results[i] = (default, e);
            }
            finally
            {
                Leave(communicator.Self);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        return results;
    }

    /// <summary>Runs bodies that must all succeed.</summary>
    public IReadOnlyList<T> RunAll<T>(Func<ICommunicator, T> body) => [.. Run(body).Select(r => r.Error is null
        ? r.Result!
        : throw new InvalidOperationException("a member failed", r.Error))];

    private void Leave(MemberId member)
    {
        lock (_gate)
        {
            if (_members.Contains(member))
            {
                _members = [.. _members.Where(m => m != member)];
                _epoch++;
                foreach (var tag in _tags.Values)
                {
                    tag.Attempts++;
                    TryCommit(tag);
                }
            }
        }
    }

    private OperationOutcome Enter(MemberId self, OperationGroup group, OperationOptions options, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (!_tags.TryGetValue(options.Tag, out var tag))
            {
                _tags[options.Tag] = tag = new TagState();
            }

            if (!_members.Contains(self))
            {
                return Dead(self);
            }

            if (_deaths.Contains((self, options.Tag, tag.Sequence)))
            {
                Leave(self);
                return Dead(self);
            }

            var sequence = tag.Sequence;
            tag.Arrived[self] = group;
            TryCommit(tag);
            while (tag.Sequence == sequence)
            {
                if (!Monitor.Wait(_gate, Patience))
                {
                    var missing = _members.Where(m => !tag.Arrived.ContainsKey(m));
                    throw new TimeoutException(
                        $"{self} waited in operation {sequence} of tag {options.Tag} for {string.Join(", ", missing)}");
                }
            }

            return tag.Outcomes[sequence];
        }
    }

    private OperationOutcome Dead(MemberId self) => new(
        OperationStatus.Unknown, new ViewId(_epoch, 1), [], 0, 1, new MembershipException($"{self} was killed by the test"));

    private void TryCommit(TagState tag)
    {
        if (_members.Count > 0 && tag.Arrived.Count > 0 && _members.All(tag.Arrived.ContainsKey))
        {
            var groups = _members.ConvertAll(m => tag.Arrived[m]);
            var error = Reduction.Run(_members, groups, out var total);
            _members.ForEach(m => Count(m, groups[0]));
            tag.Outcomes[tag.Sequence] = new OperationOutcome(
                error is null ? OperationStatus.Completed : OperationStatus.Aborted,
                new ViewId(_epoch, 1),
                error is null ? [.. _members] : [],
                total,
                tag.Attempts,
                error);
            tag.Sequence++;
            tag.Attempts = 1;
            tag.Arrived.Clear();
            Monitor.PulseAll(_gate);
        }
    }

    private void Count(MemberId member, OperationGroup group)
    {
        var bytes = _traffic.GetValueOrDefault(member).PayloadBytes + group.Parts.Sum(p => p.Source.ByteLength);
        _traffic[member] = new TrafficCounters(bytes, bytes);
    }

    private sealed class TagState
    {
        public Dictionary<MemberId, OperationGroup> Arrived { get; } = [];

        public Dictionary<long, OperationOutcome> Outcomes { get; } = [];

        public long Sequence { get; set; }

        public int Attempts { get; set; } = 1;
    }

    private sealed class Communicator(InProcessCluster cluster, MemberId self) : ICommunicator
    {
        public MemberId Self => self;

        public ViewInfo View
        {
            get
            {
                lock (cluster._gate)
                {
                    return new ViewInfo(new ViewId(cluster._epoch, 1), cluster._members, cluster._members.IndexOf(self));
                }
            }
        }

        public OperationOutcome Run(OperationGroup group, OperationOptions? options, CancellationToken cancellationToken) =>
            cluster.Enter(self, group, options ?? new OperationOptions(), cancellationToken);

        public Task<OperationOutcome> RunAsync(
            OperationGroup group, OperationOptions? options, CancellationToken cancellationToken) =>
            Task.Factory.StartNew(
                () => Run(group, options, cancellationToken),
                cancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);

        public TrafficCounters Traffic(uint? tag)
        {
            lock (cluster._gate)
            {
                return cluster._traffic.GetValueOrDefault(self);
            }
        }
    }
}
