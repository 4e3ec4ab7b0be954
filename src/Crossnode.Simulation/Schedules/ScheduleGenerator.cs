using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation.Schedules;

/// <summary>Makes a schedule from a seed: at least 4 members, 20 operations on 2 tags, 3 faults.</summary>
internal sealed class ScheduleGenerator
{
    private static readonly double[] SomeWeights = [1, 1, 1, 2, 0.5, 3, 0.25, 0];
    private static readonly ElementType[] SomeTypes =
        [ElementType.Float32, ElementType.Float32, ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16];

    private readonly DeterministicRandom _random;
    private readonly int _members;
    private readonly long _thinkTicks;

    private ScheduleGenerator(DeterministicRandom random)
    {
        _random = random;
        _members = random.Percent(88) ? random.Pick([4, 4, 4, 5, 5, 6]) : random.Between(7, 9);
        _thinkTicks = TimeSpan.FromMilliseconds(random.Pick([5, 20, 60])).Ticks;
    }

    public static Schedule Make(long seed)
    {
        // Mixed, or each seed's draws would be the next one's, moved on by one.
        var random = new DeterministicRandom(new DeterministicRandom((ulong)seed).NextUInt64());
        return new ScheduleGenerator(random).Make(seed, random);
    }

    private Schedule Make(long seed, DeterministicRandom random)
    {
        var tags = new TagScript[random.Percent(80) ? 2 : 3];
        for (var tag = 0; tag < tags.Length; tag++)
        {
            tags[tag] = MakeTag(tag, random.Between(10, tags.Length == 2 ? 14 : 10));
        }

        var survivors = random.Pick([1, 1, 1, 2, 2, 3, _members - 1]);
        var latency = random.LogTicks(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(5));
        // Most faults should begin while operations run: an operation takes about fifteen latencies.
        var window = TimeSpan.FromMilliseconds(20).Ticks + (tags[0].Operations.Length * ((_thinkTicks / 2) + (15 * latency)) / 2);
        var faults = new FaultGenerator(random, tags, _members, survivors, window).Make();
        // Two members whose link is gone can never be the two that have to go on.
        var mayNeedMore = !Array.Exists(faults, static fault => fault.Kind == FaultKind.LinkGone);
        // Draws of their own, so that seeds keep what they had before there were newcomers.
        var later = new DeterministicRandom(new DeterministicRandom((ulong)seed ^ 0xD6E8FEB86659FD93).NextUInt64());
        var joins = later.Between(1, 2);
        faults = FaultGenerator.WithNewcomers(faults, later, _members, survivors, joins, window);
        var restarts = faults.Count(static fault => fault.Kind == FaultKind.Restart);
        faults = new CoordinatorFaults(
            faults,
            new DeterministicRandom(new DeterministicRandom((ulong)seed ^ 0x8EBC6AF09C88C6E3).NextUInt64()),
            _members,
            survivors,
            _members + joins + restarts,
            window).Make();
        AddProcesses(tags, later, joins + restarts);
        var chunk = random.Pick([32, 64, 64, 128]);
        var eagerWindow = random.Pick([64, 128, 256]);
        return new Schedule
        {
            Seed = seed,
            Members = _members,
            Joins = joins,
            Restarts = restarts,
            Tags = tags,
            Survivors = survivors,
            MinMembers = mayNeedMore && random.Percent(98) ? survivors : 1,
            Faults = faults,
            ChunkBytes = chunk,
            EagerBytes = random.Pick([16, 64]),
            EagerWindowBytes = eagerWindow,
            MaxInFlightPerTag = random.Between(1, 4),
            WindowBytes = random.Pick([64, 192, 512]),
            SmallPayload = random.Pick([0, 0, 32, 128]),
            PieceBytes = random.Pick([16, 24, BytePool64]),
            LatencyTicks = latency,
            JitterPercent = random.Pick([20, 100, 300]),
            TicksPerByte = random.Pick([10, 100, 300]),
            AllLeave = random.Percent(25),
        };
    }

    private void AddProcesses(TagScript[] tags, DeterministicRandom later, int more)
    {
        foreach (var tag in tags)
        {
            tag.Depth = [.. tag.Depth, .. Draw(more, () => later.Between(1, 5))];
            tag.Calls = [.. tag.Calls, .. Draw(more, () => tag.Operations.Length)];
            foreach (var operation in tag.Operations)
            {
                operation.Think = [.. operation.Think, .. Draw(more, () => later.NextInt64(_thinkTicks))];
                // Sums of narrow types stay exact.
                operation.Weights = [.. operation.Weights, .. Draw(more, () => operation.Weights[0] == 0 ? 0 : later.Pick<double>([1, 1, 0.5, 0]))];
                operation.InPlace |= later.NextInt32(1 << more) << _members;
                operation.After = operation.After is { } after ? [.. after, .. Draw(more, () => -1)] : null;
            }
        }
    }

    private static T[] Draw<T>(int count, Func<T> draw)
    {
        var drawn = new T[count];
        for (var index = 0; index < count; index++)
        {
            drawn[index] = draw();
        }

        return drawn;
    }

    private const int BytePool64 = Network.BytePool.BlockBytes;

    private TagScript MakeTag(int tag, int count)
    {
        var script = new TagScript
        {
            Tag = (uint)((tag * 5) + _random.NextInt32(5)),
            OnViewChange = _random.Percent(70) ? OnViewChange.Retry : OnViewChange.Report,
            Operations = new OperationScript[count],
            Depth = new int[_members],
            Calls = new int[_members],
        };
        var depth = _random.Between(1, 5);
        for (var member = 0; member < _members; member++)
        {
            script.Depth[member] = _random.Percent(70) ? depth : _random.Between(1, 5);
            script.Calls[member] = count;
        }

        for (var index = 0; index < count; index++)
        {
            script.Operations[index] = MakeOperation(tag, index);
        }

        return script;
    }

    private OperationScript MakeOperation(int tag, int index)
    {
        var operation = new OperationScript
        {
            Parts = MakeParts(),
            Think = new long[_members],
            Weights = new double[_members],
            InPlace = _random.NextInt32(1 << _members),
        };
        var weightsVary = _random.Percent(50);
        var noWeights = _random.Percent(2);
        for (var member = 0; member < _members; member++)
        {
            operation.Think[member] = _random.NextInt64(_thinkTicks);
            operation.Weights[member] = noWeights ? 0 : weightsVary ? _random.Pick(SomeWeights) : 1;
        }

        if (tag > 0 && _random.Percent(25))
        {
            operation.After = new int[_members];
            for (var member = 0; member < _members; member++)
            {
                operation.After[member] = _random.Percent(40) ? index : -1;
            }
        }

        return operation;
    }

    private PartScript[] MakeParts()
    {
        var draw = _random.NextInt32(100);
        if (draw < 12)
        {
            return [];
        }

        var parts = new PartScript[draw < 30 ? _random.Between(2, 3) : 1];
        for (var index = 0; index < parts.Length; index++)
        {
            parts[index] = MakePart();
        }

        return parts;
    }

    private PartScript MakePart()
    {
        var type = _random.Pick(SomeTypes);
        var count = MakeCount();
        return _random.Percent(20)
            ? new PartScript(CollectiveKind.Broadcast, type, ReduceOperator.None, count, _random.NextInt32(_members))
            : new PartScript(
                CollectiveKind.AllReduce, type, _random.Percent(50) ? ReduceOperator.Sum : ReduceOperator.Average, count, 0);
    }

    private int MakeCount() => _random.NextInt32(20) switch
    {
        0 => 0,
        1 => 1,
        2 or 3 => _random.Between(2, _members),
        4 => _random.Between(60, 160),
        _ => _random.Between(4, 40),
    };
}
