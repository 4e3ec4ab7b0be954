using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Links;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Collectives.Sessions;

/// <summary>Opening, accepting and closing links and the control stream.</summary>
public sealed partial class Session
{
    // A connection that has said nothing useful for this long is closed.
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    // As long as a link may take to open.
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(3);

    // More than all members of a view that dial at once; whoever opens more is no member.
    private const int MaxHandshakes = 1024;

    private readonly List<Handshake> _handshakes = [];
    private readonly List<(FrameConnection Frames, TimeSpan Until)> _draining = [];
    private readonly WatchSet _callerWatches = new();
    private readonly WatchSet _backgroundWatches = new();
    private PeerLink?[] _links = [];
    private ControlLink? _control;
    private string? _controlFailure;

    // Of the join: whether the coordinator was there at some time, is of another kind, or was never more than a refusal.
    private bool _coordinatorSeen;
    private bool _coordinatorRefuses;
    private bool _onlyRefusals = true;

    private bool DriveLink(TimeSpan now, int rank)
    {
        var link = _links[rank];
        if (link is null)
        {
            return false;
        }

        var alive = link.Drive(now, _engine, out var moved, out var failure);
        if (!alive && rank < _links.Length && _links[rank] == link)
        {
            CloseLink(rank);
            _engine.LinkDown(now, rank, failure ?? "closed");
            return true;
        }

        return moved;
    }

    // Accepting, handshakes, the control stream: looked at on every turn, cheap when there is nothing.
    private bool DriveRare(TimeSpan now)
    {
        var moved = DriveControl(now);
        Accept(now);
        Drain(now);
        for (var index = _handshakes.Count - 1; index >= 0; index--)
        {
            if (index < _handshakes.Count)
            {
                moved |= DriveHandshake(now, _handshakes[index]);
            }
        }

        return moved;
    }

    private void Accept(TimeSpan now)
    {
        Accept(now, _listener);
        if (_hostLinks is not null)
        {
            Accept(now, _hostLinks.Listener);
        }
    }

    private void Accept(TimeSpan now, Listener listener)
    {
        while (listener.TryAccept(out var connection))
        {
            if (_handshakes.Count < MaxHandshakes)
            {
                _handshakes.Add(new Handshake(connection, now + HandshakeTimeout));
            }
            else
            {
                connection.Abort();
            }
        }
    }

    private void Drain(TimeSpan now)
    {
        for (var index = _draining.Count - 1; index >= 0; index--)
        {
            var (frames, until) = _draining[index];
            if (frames.Flush(out _) != FrameStatus.WouldBlock || now > until)
            {
                frames.Dispose();
                _draining.RemoveAt(index);
            }
        }
    }

    private bool DriveControl(TimeSpan now)
    {
        if (_control is not { } control)
        {
            return false;
        }

        bool alive, moved;
        string? failure = null;
        try
        {
            alive = control.Drive(_controlOpened, _controlReceived, out moved);
        }
        catch (ProtocolException broken)
        {
            (alive, moved, failure) = (false, true, broken.Message);
        }

        if (control.IsOpen)
        {
            _controlFailure = null;
            _coordinatorSeen = true;
        }

        if (moved)
        {
            _engine.HeardControl(now);
        }

        if (!alive && _control == control)
        {
            _controlFailure = failure ?? control.Failure ?? "it closed the control stream";
            Log($"the control stream is over: {_controlFailure}");
            CloseControl();
            _onlyRefusals &= control.IsNobodyThere;
            if (control.IsRefused && _viewInfo is null)
            {
                _coordinatorRefuses = true;
                _engine.Abandon(_controlFailure);
            }
            else if (control.IsForeign && _viewInfo is null)
            {
                _coordinatorRefuses = true;
                _engine.Abandon($"what listens at {_options.Coordinator} is no coordinator: {_controlFailure}; check the address");
            }
            else
            {
                // Another process may have taken the port of a coordinator that is down: members go on, and ask again.
                _engine.ControlDown(now, _controlFailure);
            }

            return true;
        }

        return moved;
    }

    private bool DriveHandshake(TimeSpan now, Handshake shake)
    {
        var outcome = shake.Drive(this, out var moved);
        if (outcome == HandshakeOutcome.Waiting)
        {
            // A parked link waits for a view that this member may be told of late, but not for ever.
            if (now > (shake.IsParked ? shake.Until + _options.GiveUpAfter : shake.Until))
            {
                LogClosed(shake, "it said nothing in time");
                Drop(shake);
                if (shake.Probe is { } probe)
                {
                    AnswerProbe(probe, reached: false, $"no answer within {ProbeTimeout.TotalSeconds:0.#} s");
                }
            }

            return moved;
        }

        _handshakes.Remove(shake);
        if (shake.Probe is { } probed)
        {
            shake.Dispose();
            AnswerProbe(probed, outcome == HandshakeOutcome.Open, shake.Failure ?? "broken");
            return true;
        }

        switch (outcome)
        {
            case HandshakeOutcome.Probed:
                shake.Dispose();
                break;
            case HandshakeOutcome.Open when _engine.IsFrozen:
                // PREPARE came while the link was being opened: the peer, which may send already, learns it as always.
                Retire(new PeerLink(shake.Rank, shake.Frames!));
                break;
            case HandshakeOutcome.Open:
                _links[shake.Rank] = new PeerLink(shake.Rank, shake.Frames!);
                _engine.CountWire(CollectiveEngine.OverheadTag, Preamble.FixedSize);
                _engine.LinkUp(now, shake.Rank);
                break;
            case HandshakeOutcome.HandedOver:
                break;
            case HandshakeOutcome.PeerMovedOn:
                shake.Dispose();
                _engine.LinkFrozen(now, shake.Rank);
                break;
            default:
                LogClosed(shake, shake.Failure ?? "broken");
                shake.Dispose();
                if (shake.Rank >= 0 && shake.View == _engine.View?.Id)
                {
                    _engine.LinkDown(now, shake.Rank, shake.Failure ?? "could not be opened");
                }

                break;
        }

        return true;
    }

    private void LogClosed(Handshake shake, string why)
    {
        if (!shake.IsDialled)
        {
            Log($"closed a connection from {shake.Frames!.Connection.Remote}: {why}");
        }
    }

    private void Drop(Handshake shake)
    {
        _handshakes.Remove(shake);
        shake.Dispose();
    }

    private void OpenLinks(View view)
    {
        foreach (var link in _links)
        {
            link?.Dispose();
        }

        _isNewcomer |= _viewInfo is null && view.Record.Members[view.RankOf(Self)].Joined > 1;
        _links = new PeerLink?[view.Members.Count];
        _viewInfo = new ViewInfo(view.Id, view.Members, view.RankOf(Self)) { Incarnations = view.Incarnations };
        for (var index = _handshakes.Count - 1; index >= 0; index--)
        {
            if (_handshakes[index] is { IsDialled: true, Probe: null })
            {
                Drop(_handshakes[index]);
            }
        }

        for (var rank = 0; rank < _links.Length; rank++)
        {
            if (rank != _viewInfo.Rank && view.Links.HasLink(_viewInfo.Rank, rank) && view.Dials(_viewInfo.Rank, rank))
            {
                _handshakes.Add(Dial(view, rank));
            }
        }

        RetainState(view);
        Log($"installed {view.Id}: {string.Join(", ", view.Members)}");
        Raise(ViewInstalled, _viewInfo);
        Monitor.PulseAll(_gate);
    }

    private Handshake Dial(View view, int rank)
    {
        var member = view.Members[rank];
        var ours = PreambleOf(StreamPurpose.Link, view.Id);
        try
        {
            var record = view.Record.Members[rank];
            return _hostLinks is null
                ? new Handshake(_transport.Connect(record.Endpoint), ours, rank, member, Now + HandshakeTimeout)
                : new Handshake(_hostLinks.Connect(record.Incarnation), ours, rank, member, Now + HandshakeTimeout)
                {
                    Otherwise = () => _transport.Connect(record.Endpoint),
                };
        }
        catch (InputException unusable)
        {
            return new Handshake(ours, rank, member, unusable.Message);
        }
    }

    private void Probe(Probe probe)
    {
        // Whoever is tried is about to come.
        _stateServer?.Prepare();
        if (_handshakes.Count >= MaxHandshakes)
        {
            AnswerProbe(probe, reached: false, "too many connections are being opened");
            return;
        }

        try
        {
            var ours = PreambleOf(StreamPurpose.Probe, _engine.View?.Id ?? ViewId.None);
            _handshakes.Add(new Handshake(_transport.Connect(probe.Endpoint), ours, probe, Now + ProbeTimeout));
        }
        catch (InputException unusable)
        {
            AnswerProbe(probe, reached: false, unusable.Message);
        }
    }

    private void AnswerProbe(Probe probe, bool reached, string reason)
    {
        SendControl(new ControlMessage
        {
            ProbeResult = new ProbeResult
            {
                Member = probe.Member,
                Incarnation = probe.Incarnation,
                Reached = reached,
                Reason = reached ? "" : reason.Length > ControlCheck.MaxReasonLength ? reason[..ControlCheck.MaxReasonLength] : reason,
            },
        });
        _control?.Frames?.Flush(out _);
    }

    private void Raise<T>(Action<T>? handlers, T news)
    {
        try
        {
            handlers?.Invoke(news);
        }
        catch (Exception thrown)
        {
            Log($"a handler of an event threw: {thrown}");
        }
    }

    private void FreezeLinks()
    {
        for (var rank = 0; rank < _links.Length; rank++)
        {
            if (_links[rank] is { } link)
            {
                Retire(link);
                _links[rank] = null;
            }
        }

    }

    // FROZEN is the last frame; the connection is closed when it has gone out.
    private void Retire(PeerLink link)
    {
        if (link.Freeze(_engine))
        {
            link.Dispose();
        }
        else
        {
            _draining.Add((link.Frames, Now + HandshakeTimeout));
        }
    }

    private void CloseLink(int rank)
    {
        _links[rank]?.Dispose();
        _links[rank] = null;
        foreach (var shake in _handshakes.ToArray())
        {
            if (shake is { IsDialled: true, Probe: null } && shake.Rank == rank)
            {
                Drop(shake);
            }
        }
    }

    private void ConnectControl(int address)
    {
        CloseControl();
        _control = new ControlLink(
            _transport.Connect(_coordinators[address]), PreambleOf(StreamPurpose.Control, _engine.View?.Id ?? ViewId.None));
    }

    private void CloseControl()
    {
        _control?.Dispose();
        _control = null;
    }

    private void CloseEverything()
    {
        foreach (var link in _links)
        {
            link?.Dispose();
        }

        Array.Clear(_links);
        foreach (var shake in _handshakes)
        {
            shake.Dispose();
        }

        _handshakes.Clear();
        foreach (var (frames, _) in _draining)
        {
            frames.Dispose();
        }

        _draining.Clear();
        CloseControl();
        _stateServer?.Retain([]);
    }

    private Preamble PreambleOf(StreamPurpose purpose, ViewId view, PreambleStatus status = PreambleStatus.Ok) => new()
    {
        Run = _options.Run,
        View = view,
        Member = Self,
        Incarnation = _options.Incarnation,
        Purpose = purpose,
        Status = status,
    };

    private void SendControl(ControlMessage message)
    {
        if (_control is { IsOpen: true } control)
        {
            control.Send(message);
            _engine.CountWire(CollectiveEngine.OverheadTag, FrameHeader.Size + message.CalculateSize());
        }
    }

    private void Log(string text)
    {
        if (_options.Logger is { } logger)
        {
            SessionLog.Message(logger, Self.Value, text);
        }
    }

    /// <summary>Carries the engine's wishes to this session.</summary>
    private sealed class Host(Session session) : IEngineHost
    {
        public void SendControl(ControlMessage message)
        {
            session.SendControl(message);
            session._control?.Frames?.Flush(out _);
        }

        public void ConnectControl(int address) => session.ConnectControl(address);

        public void CloseControl() => session.CloseControl();

        public void OpenLinks(View view) => session.OpenLinks(view);

        public void FreezeLinks()
        {
            session.Log("stands still until the next view");
            session.FreezeLinks();
        }

        public void CloseLink(int rank) => session.CloseLink(rank);

        public void WantSend(int rank)
        {
            if ((uint)rank < (uint)session._links.Length && session._links[rank] is { } link)
            {
                link.WantsSend = true;
            }
        }

        public void Ended(string reason)
        {
            session.Log(reason);
            session.FreezeLinks();
            session.CloseEverything();
            session.Raise(session.Ended, reason);
            Monitor.PulseAll(session._gate);
        }

        public void Probe(Probe probe) => session.Probe(probe);

        public void Notice(string text)
        {
            session.Log(text);
            session.Raise(session._options.Notice, text);
        }

        public void Log(string text) => session.Log(text);
    }

    /// <summary>What one poller watches; brought up to date before each wait.</summary>
    private sealed class WatchSet
    {
        private readonly HashSet<Connection> _watched = [];
        private readonly HashSet<Connection> _wanted = [];
        private bool _listens;

        public void Update(Session session, Poller poller)
        {
            if (!_listens)
            {
                poller.Watch(session._listener);
                if (session._hostLinks is { } local)
                {
                    poller.Watch(local.Listener);
                }

                _listens = true;
            }

            _wanted.Clear();
            foreach (var link in session._links)
            {
                if (link is not null)
                {
                    Want(poller, link.Frames, read: true);
                }
            }

            foreach (var shake in session._handshakes)
            {
                WantOpening(poller, shake.Pending, shake.Frames, read: !shake.IsParked);
            }

            foreach (var (frames, _) in session._draining)
            {
                Want(poller, frames, read: false);
            }

            WantOpening(poller, session._control?.Pending, session._control?.Frames, read: true);
            foreach (var connection in _watched)
            {
                if (!_wanted.Contains(connection))
                {
                    poller.Unwatch(connection);
                }
            }

            _watched.Clear();
            _watched.UnionWith(_wanted);
        }

        private void WantOpening(Poller poller, PendingConnect? pending, FrameConnection? frames, bool read)
        {
            if (frames is not null)
            {
                Want(poller, frames, read);
            }
            else if (pending is not null)
            {
                poller.Watch(pending);
            }
        }

        private void Want(Poller poller, FrameConnection frames, bool read)
        {
            poller.Watch(frames.Connection, read, frames.HasPending);
            _wanted.Add(frames.Connection);
        }
    }
}

/// <summary>Log events of sessions.</summary>
internal static partial class SessionLog
{
    [LoggerMessage(EventId = 2001, EventName = "Session", Level = LogLevel.Information, Message = "member {Member}: {Text}")]
    public static partial void Message(ILogger logger, uint member, string text);
}
