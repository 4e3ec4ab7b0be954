using Crossnode.Cli.Launching;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;

namespace Crossnode.Cli.Training;

/// <summary>A training worker's session, and the way by which it tells its launcher what it does.</summary>
/// <remarks>Notes go to the coordinator, which passes them on where it lives in a launcher; else to standard output as well.</remarks>
internal sealed class WorkerLink(bool tellsLauncher, TimeProvider time) : IDisposable
{
    // A coordinator that is away is named anew this often, with the time that it is away for.
    private static readonly TimeSpan WaitInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Lock _waitGate = new();
    private ITimer? _waitTimer;
    private bool _isWaiting;
    private Session? _session;
    private MemberId _number = MemberId.Unassigned;

    /// <summary>The session; there from <see cref="Take"/> on.</summary>
    public Session Session => _session ?? throw new InvalidOperationException("the worker has not joined yet");

    /// <summary>Takes the session that was joined, and says so from now on when a view comes.</summary>
    public void Take(Session session)
    {
        _session = session;
        Tell(new WorkerNote { Kind = NoteKind.Joining, Text = session.Endpoint == session.Listening ? session.Listening : $"{session.Listening}, advertised as {session.Endpoint}" });
        session.ViewInstalled += view => TellView(view.Id.Epoch, view.Members);
        if (!session.IsNewcomer)
        {
            TellView(session.View.Id.Epoch, session.View.Members);
        }
        if (tellsLauncher)
        {
            _waitTimer = time.CreateTimer(_ => TellWaiting(), null, WaitInterval, WaitInterval);
        }
    }

    /// <summary>Tells of a view.</summary>
    public void TellView(long epoch, IReadOnlyList<MemberId> members) => Tell(
        new WorkerNote { Kind = NoteKind.View, View = epoch, Members = [.. members.Select(member => member.Value)] });

    /// <summary>Tells whoever listens.</summary>
    public void Tell(WorkerNote note)
    {
        if (_session is not { } session)
        {
            return;
        }
        var json = note.ToJson();
        session.Note(WorkerNote.Topic, json);
        if (tellsLauncher)
        {
            lock (_gate)
            {
                // Outside the run a process has none while the coordinator is away.
                _number = session.Self == MemberId.Unassigned ? _number : session.Self;
                Console.Out.WriteLine(NoteLine.Write(_number.Value, WorkerNote.Topic, json));
                Console.Out.Flush();
            }
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _waitTimer?.Dispose();
        lock (_waitGate)
        {
            _waitTimer = null;
        }
        _session?.Dispose();
    }

    private void TellWaiting()
    {
        lock (_waitGate)
        {
            // A last call may come when the session is gone.
            if (_waitTimer is null || (Session.Waiting is var text && text is null && !_isWaiting))
            {
                return;
            }
            _isWaiting = text is not null;
            Tell(new WorkerNote { Kind = NoteKind.Waiting, Text = text });
        }
    }
}
