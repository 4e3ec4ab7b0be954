using System.Globalization;
using Crossnode.Collectives.Links;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

public sealed partial class StateFetcher
{
    /// <summary>Asks holders what operation a number is, and returns as soon as one has said it.</summary>
    /// <param name="sequence">The number within the tag that holders describe.</param>
    /// <param name="holders">All are asked; their connections stay open for the next call.</param>
    /// <param name="deadline">How long to wait.</param>
    /// <param name="view">The installed view.</param>
    /// <param name="knowsProvisional">What is said while the operation is far off is known; waits for more.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <remarks>Asks for the next few numbers as well, so that their answers come as soon as they are known. One call at a time; others
    /// wait for it.</remarks>
    /// <exception cref="LinkException">No holder can say it; the text tells of each why.</exception>
    /// <exception cref="DeadlineException">It took too long; the text names the holders.</exception>
    public OperationSaid Describe(
        long sequence,
        IReadOnlyList<StateHolder> holders,
        TimeSpan deadline,
        ViewId view = default,
        bool knowsProvisional = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(holders);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        return _describing.Run(sequence, holders, deadline, view, knowsProvisional, cancellationToken);
    }

    /// <summary>As <see cref="Describe"/>, on a thread of its own.</summary>
    public Task<OperationSaid> DescribeAsync(
        long sequence,
        IReadOnlyList<StateHolder> holders,
        TimeSpan deadline,
        ViewId view = default,
        bool knowsProvisional = false,
        CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(
            () => Describe(sequence, holders, deadline, view, knowsProvisional, cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

    /// <summary>Open connections over which descriptions are asked.</summary>
    private sealed class Describing(StateFetcher fetcher) : IDisposable
    {
        private const int AskAhead = 4;
        private const int Attempts = 6;
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
        private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

        private readonly object _gate = new();
        private readonly Poller _poller = fetcher._transport.CreatePoller();
        private readonly long _origin = fetcher._options.Time.GetTimestamp();
        private readonly Dictionary<StateHolder, Asking> _asking = [];
        private readonly SortedDictionary<long, OperationSaid> _known = [];
        private long _wanted;
        private bool _knowsProvisional;
        private bool _disposed;

        private TimeSpan Now => fetcher._options.Time.GetElapsedTime(_origin);

        public OperationSaid Run(
            long sequence,
            IReadOnlyList<StateHolder> holders,
            TimeSpan deadline,
            ViewId view,
            bool knowsProvisional,
            CancellationToken cancellationToken)
        {
            using var registration = cancellationToken.UnsafeRegister(static poller => ((Poller)poller!).Wake(), _poller);
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                Begin(sequence, holders, knowsProvisional);
                var until = Now + deadline;
                while (true)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (_known.TryGetValue(sequence, out var said))
                    {
                        return said;
                    }

                    if (_asking.Values.All(asking => asking.IsOver(sequence)))
                    {
                        throw new LinkException($"no holder can say what operation {sequence} is: {Texts()}");
                    }

                    if (Now >= until)
                    {
                        throw new DeadlineException(string.Create(
                            CultureInfo.InvariantCulture,
                            $"nobody said in {deadline.TotalSeconds:0.#} s what operation {sequence} is: {Texts()}"));
                    }

                    if (!Drive(sequence, view))
                    {
                        var left = until - Now;
                        _poller.Wait(left < TickInterval ? left : TickInterval);
                    }
                }
            }
        }

        public void Dispose()
        {
            lock (_gate)
            {
                if (!_disposed)
                {
                    _disposed = true;
                    foreach (var asking in _asking.Values)
                    {
                        asking.Close(_poller);
                    }

                    _poller.Dispose();
                }
            }
        }

        private void Begin(long sequence, IReadOnlyList<StateHolder> holders, bool knowsProvisional)
        {
            foreach (var (holder, asking) in _asking)
            {
                if (!holders.Contains(holder))
                {
                    asking.Close(_poller);
                    _asking.Remove(holder);
                }
            }

            foreach (var holder in holders)
            {
                if (!_asking.TryGetValue(holder, out var asking))
                {
                    _asking.Add(holder, asking = new Asking(Learn));
                }

                asking.Failures = 0;
            }

            _wanted = sequence;
            _knowsProvisional = knowsProvisional;
            foreach (var old in _known.Keys.TakeWhile(known => known < sequence).ToList())
            {
                _known.Remove(old);
            }

            if (knowsProvisional && _known.TryGetValue(sequence, out var said) && said.IsProvisional)
            {
                _known.Remove(sequence);
            }
        }

        private void Learn(long sequence, OperationSaid said)
        {
            var isNews = !said.IsProvisional || (!_known.ContainsKey(sequence) && !(_knowsProvisional && sequence == _wanted));
            if (sequence >= _wanted && isNews)
            {
                _known[sequence] = said;
            }
        }

        private bool Drive(long sequence, ViewId view)
        {
            var moved = false;
            foreach (var (holder, asking) in _asking)
            {
                if (!asking.IsConnected && asking.Failures < Attempts && Now >= asking.RetryAt)
                {
                    asking.Connect(fetcher.Dial(holder, view));
                }

                moved |= asking.Drive(sequence, _knowsProvisional, _known.ContainsKey);
                if (asking.Trouble is not null && asking.IsConnected)
                {
                    asking.Close(_poller);
                    asking.Failures += asking.IsFinal ? Attempts : 1;
                    asking.RetryAt = Now + Pause;
                }

                asking.Watch(_poller);
            }

            return moved;
        }

        private string Texts() =>
            string.Join("; ", _asking.Select(pair => $"{pair.Key.Member} ({pair.Key.Endpoint}): {pair.Value.Trouble ?? pair.Value.Refused ?? "has not said it"}"));

        /// <summary>One holder that is asked.</summary>
        private sealed unsafe class Asking(Action<long, OperationSaid> learn) : IStateReader, IDisposable
        {
            private const int MaxAnswerBytes = StateServer.MaxDescriptionBytes + 4096;

            private readonly Dictionary<ulong, long> _asked = [];
            private readonly HashSet<long> _refused = [];
            private StateDial? _dial;
            private StateStream? _stream;
            private ulong _lastNumber;

            public int Failures { get; set; }

            public TimeSpan RetryAt { get; set; }

            public string? Trouble { get; private set; }

            public string? Refused { get; private set; }

            public bool IsFinal => _dial?.IsFinal == true || _stream?.HasBrokenRules == true;

            public bool IsConnected => _dial is not null;

            public bool IsOver(long sequence) => _refused.Contains(sequence) || (!IsConnected && Failures >= Attempts);

            public void Connect(StateDial dial)
            {
                _dial = dial;
                Trouble = null;
            }

            /// <summary>Asks what has not been asked yet and reads what is there.</summary>
            public bool Drive(long sequence, bool knowsProvisional, Func<long, bool> isKnown)
            {
                var moved = false;
                if (_dial is null)
                {
                    return false;
                }

                if (_stream is null)
                {
                    if (!_dial.Drive(out moved))
                    {
                        Trouble = _dial.Failure;
                        return moved;
                    }

                    _stream = new StateStream(_dial.HandOut(), MaxAnswerBytes);
                }

                _refused.RemoveWhere(refused => refused < sequence);
                for (var next = sequence; next < sequence + AskAhead; next++)
                {
                    if (!_asked.ContainsValue(next) && !_refused.Contains(next) && !isKnown(next))
                    {
                        _asked.Add(++_lastNumber, next);
                        var request = new DescribeRequest { Sequence = next, KnowsProvisional = knowsProvisional || next != sequence };
                        _stream.Queue(new StateMessage { Number = _lastNumber, Describe = request }.ToByteArray());
                    }
                }

                if (!_stream.Flush(out var sent) || !_stream.Receive(this, out moved))
                {
                    Trouble = _stream.Failure;
                }

                return moved | sent;
            }

            public void Watch(Poller poller)
            {
                if ((_stream?.Frames ?? _dial?.Frames) is { } frames)
                {
                    poller.Watch(frames.Connection, read: true, write: frames.HasPending);
                }
                else if (_dial?.Pending is { } pending)
                {
                    poller.Watch(pending);
                }
            }

            public void Close(Poller poller)
            {
                if ((_stream?.Frames ?? _dial?.Frames) is { } frames)
                {
                    poller.Unwatch(frames.Connection);
                }
                else if (_dial?.Pending is { } pending)
                {
                    poller.Unwatch(pending);
                }

                Dispose();
                _stream = null;
                _dial = null;
                _asked.Clear();
                _refused.Clear();
            }

            public void Dispose()
            {
                _stream?.Dispose();
                _dial?.Dispose();
            }

            public string? Received(StateMessage message)
            {
                if (message.BodyCase == StateMessage.BodyOneofCase.None)
                {
                    return null; // Of a newer minor version.
                }

                if (!_asked.Remove(message.Number, out var sequence))
                {
                    return $"a {message.BodyCase} that was not asked for";
                }

                switch (message.BodyCase)
                {
                    case StateMessage.BodyOneofCase.Description:
                        learn(sequence, new OperationSaid(message.Description.Body.Memory, message.Description.Provisional));
                        return null;
                    case StateMessage.BodyOneofCase.Refusal:
                        Refused = message.Refusal.Reason;
                        _refused.Add(sequence);
                        return null;
                    default:
                        return $"a {message.BodyCase} where a description was asked for";
                }
            }

            public byte* BeginPiece(in FrameHeader header, out string? complaint)
            {
                complaint = "a piece of a chunk that was not asked for";
                return null;
            }

            public string? EndPiece(in FrameHeader header) => null;
        }
    }
}
