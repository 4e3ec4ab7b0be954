using System.Runtime.InteropServices;

namespace Crossnode.Cli.Launching;

/// <summary>Turns Ctrl-C and SIGTERM into calls: the first asks, the second insists.</summary>
internal sealed class StopRequests : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action<int> _polite;
    private readonly Action _insistent;
    private int _count;

    /// <param name="polite">Gets the signal's number, once.</param>
    /// <param name="insistent">Called for every further signal.</param>
    public StopRequests(Action<int> polite, Action insistent)
    {
        _polite = polite;
        _insistent = insistent;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, Signals.Interrupt)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, Signals.Terminate)),
        ];
    }

    /// <summary>Whether somebody asked to stop.</summary>
    public bool AreMade => Volatile.Read(ref _count) > 0;

    /// <inheritdoc />
    public void Dispose() => Array.ForEach(_registrations, r => r.Dispose());

    private void Handle(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _count) == 1)
        {
            _polite(signal);
        }
        else
        {
            _insistent();
        }
    }
}
