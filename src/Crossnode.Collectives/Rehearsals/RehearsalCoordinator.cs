using Crossnode.Collectives.Links;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.Rehearsals;

/// <summary>The run machine behind a listener, without anything that a run needs which outlives a second: no record, no refusals.</summary>
internal sealed class RehearsalCoordinator : IDisposable
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(25);

    private readonly RunId _run;
    private readonly RunMachine _machine;
    private readonly Listener _listener;
    private readonly Poller _poller;
    private readonly Thread _owner;
    private readonly long _origin = TimeProvider.System.GetTimestamp();
    private readonly List<FrameConnection> _arrivals = [];
    private readonly SortedDictionary<long, Stream> _streams = [];
    private readonly List<RunAction> _actions = [];
    private readonly Action<Exception> _failed;
    private long _lastStream;
    private volatile bool _stopping;

    public RehearsalCoordinator(RunId run, int founders, ITransport transport, Action<Exception> failed)
    {
        _failed = failed;
        _run = run;
        _machine = new RunMachine(new RunOptions { ExpectedMembers = founders, Nonce = 1 });
        _listener = transport.Listen("rehearsal", 0);
        _poller = transport.CreatePoller();
        _poller.Watch(_listener);
        _owner = new Thread(Own) { IsBackground = true, Name = "crossnode rehearsal" };
        _owner.Start();
    }

    public string Address => _listener.Address;

    private TimeSpan Now => TimeProvider.System.GetElapsedTime(_origin);

    public void Dispose()
    {
        _stopping = true;
        _poller.Wake();
        _owner.Join();
        _arrivals.ForEach(arrival => arrival.Dispose());
        foreach (var stream in _streams.Values)
        {
            stream.Link.Dispose();
        }

        _listener.Dispose();
        _poller.Dispose();
    }

    private void Own()
    {
        try
        {
            while (!_stopping)
            {
                Step(new RunEvent(RunEventKind.Tick));
                while (!_stopping && DriveOnce())
                {
                }

                _poller.Wait(TickInterval);
            }
        }
        catch (Exception broken)
        {
            _failed(broken);
        }
    }

    private bool DriveOnce()
    {
        var moved = false;
        while (_listener.TryAccept(out var connection))
        {
            _arrivals.Add(new FrameConnection(connection));
            _poller.Watch(connection, read: true, write: false);
        }

        foreach (var arrival in _arrivals.ToArray())
        {
            if (arrival.TryReadPreamble(out var theirs) == FrameStatus.Ready)
            {
                moved = true;
                _arrivals.Remove(arrival);
                arrival.Queue(new Preamble { Run = _run, Purpose = StreamPurpose.Control }.ToArray());
                _streams.Add(++_lastStream, new Stream(_lastStream, theirs!.Member, new ControlLink(arrival, theirs)));
            }
        }

        foreach (var stream in _streams.Values.ToArray())
        {
            if (!stream.Link.Drive(() => { }, message => Received(stream, message), out var progress))
            {
                _streams.Remove(stream.Number);
                _poller.Unwatch(stream.Link.Frames!.Connection);
                stream.Link.Dispose();
                Step(new RunEvent(RunEventKind.StreamClosed, stream.Number, stream.Member));
            }

            moved |= progress;
        }

        return moved;
    }

    private void Received(Stream stream, ControlMessage message)
    {
        _machine.Heard(stream.Number, Now);
        var kind = message.BodyCase == ControlMessage.BodyOneofCase.Hello ? RunEventKind.StreamOpened : RunEventKind.Message;
        Step(new RunEvent(kind, stream.Number, stream.Member, message));
    }

    private void Step(in RunEvent happened)
    {
        _actions.Clear();
        _machine.Step(Now, happened, _actions);
        foreach (var action in _actions)
        {
            if (action.Kind == RunActionKind.Send && _streams.TryGetValue(action.Stream, out var target))
            {
                target.Link.Send(action.Message!);
                target.Link.Frames!.Flush(out _);
            }
        }
    }

    private sealed record Stream(long Number, MemberId Member, ControlLink Link);
}
