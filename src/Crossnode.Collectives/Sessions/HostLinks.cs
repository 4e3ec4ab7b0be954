using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Collectives.Sessions;

/// <summary>The way to members on this machine: shared memory, found by a name that follows from run and incarnation.</summary>
/// <remarks>Names belong to a network namespace, so a member elsewhere is simply not found, and TCP is tried.</remarks>
internal sealed class HostLinks : IDisposable
{
    private readonly SharedMemoryTransport _transport;
    private readonly RunId _run;

    private HostLinks(SharedMemoryTransport transport, Listener listener, RunId run)
    {
        _transport = transport;
        Listener = listener;
        _run = run;
    }

    public Listener Listener { get; }

    /// <summary>Begins to listen; null, with the reason, where memory cannot be shared.</summary>
    public static HostLinks? TryOpen(RunId run, ulong incarnation, TimeProvider time, out string? reason)
    {
        var transport = new SharedMemoryTransport(new SharedMemoryOptions { Time = time });
        reason = transport.WhyUnavailable;
        try
        {
            return reason is null ? new HostLinks(transport, transport.Listen(NameOf(run, incarnation)), run) : null;
        }
        catch (InputException refused)
        {
            reason = refused.Message;
            return null;
        }
    }

    /// <summary>Begins to connect to a member; fails at once when it is not on this machine.</summary>
    public PendingConnect Connect(ulong incarnation) =>
        _transport.Connect(SharedMemoryTransport.Scheme + NameOf(_run, incarnation));

    public void Dispose() => Listener.Dispose();

    private static string NameOf(RunId run, ulong incarnation) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{run}/{incarnation:x}");
}
