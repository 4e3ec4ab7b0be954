using System.Net;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Socket errors in words, with the peer's name in them.</summary>
internal static class SocketErrors
{
    public static bool IsWouldBlock(SocketError error) =>
        error is SocketError.WouldBlock or SocketError.InProgress or SocketError.IOPending or SocketError.TryAgain
            or SocketError.AlreadyInProgress or SocketError.Interrupted;

    public static string Describe(SocketError error, string remote) => error switch
    {
        SocketError.ConnectionReset => $"connection reset by {remote}",
        SocketError.ConnectionAborted => $"connection to {remote} was broken off by this machine",
        SocketError.Shutdown or SocketError.NotConnected => $"connection closed by {remote}",
        SocketError.TimedOut => $"{remote} stopped answering: it took nothing of what was sent in the time allowed",
        SocketError.NetworkUnreachable or SocketError.HostUnreachable => $"no route to {remote} any more",
        SocketError.NetworkDown or SocketError.NetworkReset => $"the network to {remote} went down",
        _ => $"connection to {remote} failed: {Plain(error)}",
    };

    public static string DescribeConnect(SocketError error, IPEndPoint remote) => error switch
    {
        SocketError.ConnectionRefused => $"connection refused by {remote}: nothing listens there",
        SocketError.NetworkUnreachable or SocketError.HostUnreachable => $"{remote} cannot be reached: there is no route to it",
        SocketError.TimedOut => $"{remote} did not answer",
        SocketError.ConnectionReset => $"connection reset by {remote} while it was being opened",
        SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported =>
            $"{remote} cannot be reached: this machine has no address of that kind",
        SocketError.TooManyOpenSockets => $"cannot connect to {remote}: this process has too many open files (raise ulimit -n)",
        _ => $"cannot connect to {remote}: {Plain(error)}",
    };

    public static string DescribeListen(SocketError error, IPEndPoint endpoint) => error switch
    {
        SocketError.AddressAlreadyInUse =>
            $"cannot listen on {endpoint}: another program uses that port; choose another one, or 0 to have a free one picked",
        SocketError.AccessDenied =>
            $"cannot listen on {endpoint}: not permitted for this user; choose a port of 1024 or above",
        SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported =>
            $"cannot listen on {endpoint}: this machine has no such address; use one of its own, or 127.0.0.1",
        _ => $"cannot listen on {endpoint}: {Plain(error)}",
    };

    private static string Plain(SocketError error) => new SocketException((int)error).Message;
}
