using System.Runtime.InteropServices;

namespace OwnLoop;

/// <summary>Ctrl-C and SIGTERM as a request instead of an end.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private volatile bool _isMade;

    public StopRequest() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
    ];

    /// <summary>Whether this process was asked to stop.</summary>
    public bool IsMade => _isMade;

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    private void Handle(PosixSignalContext context)
    {
        // Without this the process ends at once, as it does for a program that handles no signals.
        context.Cancel = true;
        _isMade = true;
    }
}
