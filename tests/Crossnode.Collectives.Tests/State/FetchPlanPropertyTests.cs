using Crossnode.Collectives.State;
using Crossnode.Core;

namespace Crossnode.Collectives.Tests.State;

/// <summary>Goal: whatever holders do, a fetch ends, and ends well when one sound holder stays. Method: a world of holders in virtual
/// time that die, come back, lie, hold other state, are slow or silent, drawn from a seed.</summary>
[Trait("tier", "property")]
public sealed class FetchPlanPropertyTests
{
    private const int Seeds = 3_000;

    [Fact]
    public void Fetch_ends_well_whenever_a_sound_holder_stays()
    {
        var finished = 0;
        var failed = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            try
            {
                if (new World((ulong)seed).Run())
                {
                    finished++;
                }
                else
                {
                    failed++;
                }
            }
            catch (Exception broken)
            {
                Assert.Fail($"seed {seed}: {broken}");
            }
        }

        // Both ends are met often, or the test tries nothing.
        Assert.True(finished > Seeds / 2, $"{finished} finished");
        Assert.True(failed > Seeds / 100, $"{failed} failed");
    }

    private sealed class World
    {
        private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(300);

        private readonly DeterministicRandom _random;
        private readonly Sim[] _holders;
        private readonly bool[] _needed;
        private readonly bool[] _right;
        private readonly PriorityQueue<(FetchEvent Event, int Life), (TimeSpan, int)> _events = new();
        private readonly FetchPlan _plan;
        private TimeSpan _now;
        private int _order;
        private UInt128? _chosen;
        private bool? _ended;

        public World(ulong seed)
        {
            _random = new DeterministicRandom(seed);
            _holders = [.. Enumerable.Range(0, 1 + _random.NextInt32(5)).Select(_ => new Sim(_random))];
            _needed = [.. Enumerable.Range(0, _random.NextInt32(60)).Select(_ => _random.NextInt32(4) > 0)];
            _right = new bool[_needed.Length];
            _plan = new FetchPlan([.. _holders.Select((_, index) => $"member {index}")], _now, Deadline);
        }

        public bool Run()
        {
            Step(new FetchEvent.Tick());
            while (_ended is null)
            {
                var tick = _plan.NextTick(_now);
                if (_events.TryPeek(out var next, out var at) && at.Item1 <= tick)
                {
                    _events.Dequeue();
                    _now = at.Item1;
                    Deliver(next.Event, next.Life);
                }
                else
                {
                    _now = tick;
                    Step(new FetchEvent.Tick());
                }

                Assert.True(_now <= Deadline, "went on after the deadline");
            }

            var isComplete = Enumerable.Range(0, _needed.Length).All(chunk => !_needed[chunk] || _right[chunk]);
            Assert.True(!_ended.Value || (isComplete && _chosen is not null), "finished without all chunks");
            if (_holders.Count(holder => holder.IsSound) * 2 > _holders.Length)
            {
                Assert.True(_ended, "failed although most holders were sound");
            }

            return _ended.Value;
        }

        private static int HolderOf(FetchEvent happened) => happened switch
        {
            FetchEvent.Opened opened => opened.Holder,
            FetchEvent.Lost lost => lost.Holder,
            FetchEvent.ManifestCame came => came.Holder,
            FetchEvent.ChunkCame came => came.Holder,
            _ => -1,
        };

        private void Deliver(FetchEvent happened, int life)
        {
            if (HolderOf(happened) is var index and >= 0)
            {
                var holder = _holders[index];
                if (holder.Life != life)
                {
                    return; // Of a connection that is closed.
                }

                if (happened is not FetchEvent.Lost && holder.IsDeadAt(_now))
                {
                    happened = new FetchEvent.Lost(index, "died");
                }

                if (happened is FetchEvent.Lost)
                {
                    holder.Hangup();
                }

                if (happened is FetchEvent.ChunkCame came)
                {
                    Assert.True(holder.Asked.Remove(came.Chunk));
                    _right[came.Chunk] |= came.IsRight;
                }
            }

            Step(happened);
        }

        private void Step(FetchEvent happened)
        {
            foreach (var action in _plan.Step(_now, happened))
            {
                Assert.Null(_ended);
                Do(action);
            }
        }

        private void Do(FetchAction action)
        {
            switch (action)
            {
                case FetchAction.Connect connect:
                    var dialled = _holders[connect.Holder];
                    dialled.Hangup();
                    Later(connect.Holder, dialled.Latency, dialled.IsDeadAt(_now) ? new FetchEvent.Lost(connect.Holder, "refused") : new FetchEvent.Opened(connect.Holder));
                    break;
                case FetchAction.AskManifest ask:
                    Later(ask.Holder, _holders[ask.Holder].Latency, new FetchEvent.ManifestCame(ask.Holder, _holders[ask.Holder].Content));
                    _holders[ask.Holder].HasManifest = true;
                    break;
                case FetchAction.Choose choose:
                    Assert.Null(_chosen);
                    _chosen = choose.TotalHash;
                    _events.Enqueue((new FetchEvent.Compared(_needed), 0), (_now, _order++));
                    break;
                case FetchAction.AskChunk ask:
                    var asked = _holders[ask.Holder];
                    Assert.True(asked.HasManifest && asked.Content == _chosen, "asked a holder with other state");
                    Assert.True(_needed[ask.Chunk] && !_right[ask.Chunk], "asked for what is here");
                    Assert.True(asked.Asked.Add(ask.Chunk) && asked.Asked.Count <= 4);
                    var isRight = _random.NextDouble() >= asked.LieRate;
                    asked.FreeAt = (asked.FreeAt > _now ? asked.FreeAt : _now) + asked.ChunkTime;
                    Later(ask.Holder, asked.FreeAt - _now + asked.Latency, new FetchEvent.ChunkCame(ask.Holder, ask.Chunk, isRight));
                    break;
                case FetchAction.Close close:
                    _holders[close.Holder].Hangup();
                    break;
                case FetchAction.Finish:
                    _ended = true;
                    break;
                case FetchAction.Fail:
                    _ended = false;
                    break;
            }
        }

        private void Later(int holder, TimeSpan after, FetchEvent happened)
        {
            var sim = _holders[holder];
            if (sim.SilentFrom is { } silent && _now + after > silent)
            {
                return;
            }

            if (sim.DiesAt is { } dies && _now < dies && _now + after > dies)
            {
                after = dies - _now;
                happened = new FetchEvent.Lost(holder, "died");
            }

            _events.Enqueue((happened, sim.Life), (_now + after, _order++));
        }
    }

    private sealed class Sim
    {
        public Sim(DeterministicRandom random)
        {
            Latency = TimeSpan.FromMilliseconds(1 + random.NextInt32(100));
            ChunkTime = TimeSpan.FromMilliseconds(random.NextInt32(4) == 0 ? 500 : 5);
            Content = random.NextInt32(6) == 0 ? 2u : 1u;
            LieRate = random.NextInt32(5) == 0 ? 0.5 : 0;
            DiesAt = random.NextInt32(3) == 0 ? TimeSpan.FromMilliseconds(random.NextInt32(2_000)) : null;
            ReturnsAt = random.NextInt32(2) == 0 && DiesAt is { } dies ? dies + TimeSpan.FromMilliseconds(random.NextInt32(1_000)) : null;
            SilentFrom = random.NextInt32(6) == 0 ? TimeSpan.FromMilliseconds(random.NextInt32(2_000)) : null;
        }

        public TimeSpan Latency { get; }

        public TimeSpan ChunkTime { get; }

        public UInt128 Content { get; }

        public double LieRate { get; }

        public TimeSpan? DiesAt { get; }

        public TimeSpan? ReturnsAt { get; }

        public TimeSpan? SilentFrom { get; }

        public bool IsSound => Content == 1 && LieRate == 0 && DiesAt is null && SilentFrom is null;

        public bool HasManifest { get; set; }

        public HashSet<int> Asked { get; } = [];

        public TimeSpan FreeAt { get; set; }

        /// <summary>Counts connections.</summary>
        public int Life { get; private set; }

        public bool IsDeadAt(TimeSpan now) => DiesAt is { } dies && now >= dies && !(ReturnsAt is { } returns && now >= returns);

        public void Hangup()
        {
            Life++;
            HasManifest = false;
            Asked.Clear();
            FreeAt = TimeSpan.Zero;
        }
    }
}
