using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Something that a socket poller can watch.</summary>
internal interface ISocketOwner
{
    /// <summary>The socket; null once there is nothing left to wait for.</summary>
    Socket? Socket { get; }
}
