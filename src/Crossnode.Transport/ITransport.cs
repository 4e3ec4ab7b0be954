using Crossnode.Core.Errors;

namespace Crossnode.Transport;

/// <summary>Makes connections of one kind.</summary>
public interface ITransport
{
    /// <summary>Starts listening; port 0 picks a free one.</summary>
    /// <exception cref="InputException">The address cannot be used; the text says why and what to do.</exception>
    Listener Listen(string host, int port);

    /// <summary>Starts to connect and returns at once.</summary>
    /// <exception cref="InputException">The address cannot be understood. Everything else is reported by the attempt.</exception>
    PendingConnect Connect(string address);

    /// <summary>Makes a poller for what this transport makes.</summary>
    Poller CreatePoller();
}
