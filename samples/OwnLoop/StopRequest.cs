using System.Runtime.InteropServices;
using Crossnode.Collectives;
using Crossnode.Core;

namespace OwnLoop;

/// <summary>Ctrl-C and SIGTERM as a question that all members answer alike.</summary>
internal sealed class StopRequest : IDisposable
{
    private const uint Tag = 16;

    private readonly PosixSignalRegistration[] _registrations;
    private readonly float[] _asked = new float[1];
    private volatile bool _isMade;

    public StopRequest() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
    ];

    /// <summary>Whether some member was asked: all of them learn it before the same step.</summary>
    public bool IsMadeAnywhere(ICommunicator run)
    {
        _asked[0] = _isMade ? 1 : 0;
        var buffer = TensorBuffer.From(_asked.AsMemory());
        run.Run(new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum), new OperationOptions { Tag = Tag }).ThrowIfFailed();
        return _asked[0] > 0;
    }

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    private void Handle(PosixSignalContext context)
    {
        // Without this the process ends at once, as it does for a program that handles no signals.
        context.Cancel = true;
        _isMade = true;
    }
}
