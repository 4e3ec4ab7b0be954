using Crossnode.Collectives.Links;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.Sessions;

/// <summary>Preambles of links between members.</summary>
public sealed partial class Session
{
    private enum HandshakeOutcome
    {
        Waiting,
        Open,
        Probed,
        PeerMovedOn,
        HandedOver,
        Over,
    }

    // R7: an accepted link of a newer view waits unread; of an older one it is refused.
    private PreambleStatus? Judge(Preamble theirs, out int rank)
    {
        rank = -1;
        if (theirs.Major != Preamble.CurrentMajor)
        {
            return PreambleStatus.OtherVersion;
        }

        if (theirs.Run != _options.Run)
        {
            return PreambleStatus.OtherRun;
        }

        if (theirs.Purpose == StreamPurpose.State)
        {
            return JudgeState(theirs);
        }

        if (_engine.EndReason is not null || theirs.Purpose is not (StreamPurpose.Link or StreamPurpose.Probe))
        {
            return PreambleStatus.Refused;
        }

        if (theirs.Purpose == StreamPurpose.Probe)
        {
            return PreambleStatus.Ok;
        }

        var view = _engine.View;

        if (view is null || theirs.View.Epoch > view.Id.Epoch)
        {
            return null;
        }

        if (theirs.View != view.Id || _engine.IsFrozen)
        {
            return PreambleStatus.OldView;
        }

        rank = view.RankOf(theirs.Member);
        var isKnown = view.Contains(theirs.Member, theirs.Incarnation) && view.Dials(rank, _engine.Rank) && _engine.MayOpen(rank);
        return isKnown ? PreambleStatus.Ok : PreambleStatus.Refused;
    }

    /// <summary>A link that is being opened, by either side.</summary>
    private sealed class Handshake : IDisposable
    {
        private readonly Preamble? _ours;
        private readonly MemberId _peer;
        private PendingConnect? _pending;
        private Preamble? _theirs;

        public Handshake(PendingConnect pending, Preamble ours, int rank, MemberId peer, TimeSpan until)
        {
            _pending = pending;
            _ours = ours;
            _peer = peer;
            Rank = rank;
            Until = until;
            View = ours.View;
        }

        /// <summary>Finds out whether a process can be reached.</summary>
        public Handshake(PendingConnect pending, Preamble ours, Protocol.Control.Probe probe, TimeSpan until)
            : this(pending, ours, -1, new MemberId(probe.Member), until) => Probe = probe;

        /// <summary>An attempt that failed before it began.</summary>
        public Handshake(Preamble ours, int rank, MemberId peer, string failure)
        {
            _ours = ours;
            _peer = peer;
            Rank = rank;
            View = ours.View;
            Failure = failure;
        }

        public Handshake(Connection accepted, TimeSpan until)
        {
            Frames = new FrameConnection(accepted);
            Until = until;
        }

        public int Rank { get; private set; } = -1;

        public ViewId View { get; private set; }

        public TimeSpan Until { get; }

        public bool IsDialled => _ours is not null;

        public bool IsParked => !IsDialled && _theirs is not null;

        /// <summary>What the coordinator wants to know; null for links.</summary>
        public Protocol.Control.Probe? Probe { get; }

        public PendingConnect? Pending => _pending;

        /// <summary>Another way to the peer, for when the first one leads nowhere.</summary>
        public Func<PendingConnect>? Otherwise { get; set; }

        public FrameConnection? Frames { get; private set; }

        public string? Failure { get; private set; }

        public HandshakeOutcome Drive(Session session, out bool moved)
        {
            moved = false;
            return IsDialled ? Dial(ref moved) : Accept(session, ref moved);
        }

        public void Dispose()
        {
            _pending?.Dispose();
            Frames?.Dispose();
        }

        private HandshakeOutcome Dial(ref bool moved)
        {
            if (Failure is not null)
            {
                return HandshakeOutcome.Over;
            }

            if (_pending is not null)
            {
                var status = _pending.Poll(out var connection);
                if (status == ConnectStatus.Pending)
                {
                    return HandshakeOutcome.Waiting;
                }

                moved = true;
                if (status == ConnectStatus.Failed && TryOtherwise())
                {
                    return Failure is null ? HandshakeOutcome.Waiting : HandshakeOutcome.Over;
                }

                if (status == ConnectStatus.Failed)
                {
                    Failure = _pending.Failure;
                    return HandshakeOutcome.Over;
                }

                Frames = new FrameConnection(connection!);
                Frames.Queue(_ours!.ToArray());
                _pending.Dispose();
                _pending = null;
            }

            var sent = Frames!.Flush(out _);
            if (sent is FrameStatus.Closed or FrameStatus.Failed)
            {
                Failure = Frames.Failure;
                return HandshakeOutcome.Over;
            }

            var read = Frames.TryReadPreamble(out var theirs);
            if (read == FrameStatus.WouldBlock)
            {
                return HandshakeOutcome.Waiting;
            }

            if (read != FrameStatus.Ready)
            {
                Failure = Frames.Failure;
                return HandshakeOutcome.Over;
            }

            var isPeer = theirs!.Run == _ours!.Run && theirs.Member == _peer
                && (Probe is null || theirs.Incarnation == Probe.Incarnation);
            Failure = isPeer ? $"refused ({theirs.Status})" : $"another process listens there ({theirs.Member} of run {theirs.Run})";
            return theirs.Status switch
            {
                _ when !isPeer => HandshakeOutcome.Over,
                PreambleStatus.Ok => HandshakeOutcome.Open,
                PreambleStatus.OldView => HandshakeOutcome.PeerMovedOn,
                _ => HandshakeOutcome.Over,
            };
        }

        private bool TryOtherwise()
        {
            if (Otherwise is not { } otherwise)
            {
                return false;
            }

            Otherwise = null;
            _pending!.Dispose();
            try
            {
                _pending = otherwise();
            }
            catch (Core.Errors.InputException unusable)
            {
                _pending = null;
                Failure = unusable.Message;
            }

            return true;
        }

        private HandshakeOutcome Accept(Session session, ref bool moved)
        {
            if (_theirs is null)
            {
                var read = Frames!.TryReadPreamble(out _theirs);
                if (read != FrameStatus.Ready)
                {
                    Failure = Frames.Failure;
                    return read == FrameStatus.WouldBlock ? HandshakeOutcome.Waiting : HandshakeOutcome.Over;
                }

                moved = true;
            }

            if (session.Judge(_theirs!, out var rank) is not { } status)
            {
                return HandshakeOutcome.Waiting;
            }

            Frames!.Queue(session.PreambleOf(_theirs!.Purpose, _theirs.View, status).ToArray());
            Frames.Flush(out _);
            if (status != PreambleStatus.Ok)
            {
                Failure = $"refused {_theirs!.Member} ({status}; run {_theirs.Run}, {_theirs.View}, protocol {_theirs.Major}.{_theirs.Minor})";
                return HandshakeOutcome.Over;
            }

            if (_theirs.Purpose == StreamPurpose.Probe)
            {
                return HandshakeOutcome.Probed;
            }

            if (_theirs.Purpose == StreamPurpose.State)
            {
                session.StateServer!.Take(Frames, new StatePeer(_theirs.Member, _theirs.Incarnation), session.IsGuest(_theirs));
                return HandshakeOutcome.HandedOver;
            }

            Rank = rank;
            View = _theirs.View;
            return HandshakeOutcome.Open;
        }
    }
}
