using System.Runtime.InteropServices;

namespace Crossnode.Cli.Launching;

/// <summary>Turns Ctrl-C and SIGTERM into calls: the first asks, one that comes later insists.</summary>
internal sealed class StopRequests : IDisposable
{
    // One wish may come as several signals: timeout(1) sends its own to the process and to its group.
    private static readonly TimeSpan SameWish = TimeSpan.FromSeconds(1);

    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action<int> _polite;
    private readonly Action _insistent;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private long? _askedAt;

    /// <param name="polite">Gets the signal's number, once.</param>
    /// <param name="insistent">Called for every signal that comes later than a second after that.</param>
    /// <param name="time">The clock.</param>
    public StopRequests(Action<int> polite, Action insistent, TimeProvider time)
    {
        _time = time;
        _polite = polite;
        _insistent = insistent;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, Signals.Interrupt)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, Signals.Terminate)),
        ];
    }

    /// <summary>Whether somebody asked to stop.</summary>
    public bool AreMade
    {
        get
        {
            lock (_gate)
            {
                return _askedAt is not null;
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => Array.ForEach(_registrations, r => r.Dispose());

    /// <summary>What a signal does.</summary>
    internal void Take(int signal)
    {
        bool isFirst;
        lock (_gate)
        {
            isFirst = _askedAt is null;
            _askedAt ??= _time.GetTimestamp();
            if (!isFirst && _time.GetElapsedTime(_askedAt.Value) < SameWish)
            {
                return;
            }
        }
        if (isFirst)
        {
            _polite(signal);
        }
        else
        {
            _insistent();
        }
    }

    private void Handle(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        Take(signal);
    }
}
