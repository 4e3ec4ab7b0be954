using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Crossnode.Transport;

/// <summary>Who is at the other end of a Unix socket, as the kernel knows it: nobody can claim to be someone else.</summary>
internal readonly record struct PeerCredentials(int ProcessId, uint User)
{
    private const int SocketLevel = 1;
    private const int PeerCredentialsOption = 17;
    private const int Size = 12;

    /// <summary>Of a process that listened or connected as this user; else null and the reason.</summary>
    public static PeerCredentials? TryReadOwn(Socket socket, out string? why)
    {
        Span<byte> raw = stackalloc byte[Size];
        try
        {
            socket.GetRawSocketOption(SocketLevel, PeerCredentialsOption, raw);
        }
        catch (SocketException e)
        {
            why = $"the system does not say who is at the other end: {e.Message}";
            return null;
        }

        var peer = new PeerCredentials(MemoryMarshal.Read<int>(raw), MemoryMarshal.Read<uint>(raw[sizeof(int)..]));
        var own = Libc.EffectiveUser();
        why = peer.User == own
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{Name(peer.ProcessId)} runs as user {peer.User} and this one as {own}");
        return why is null ? peer : null;
    }

    /// <summary>A process in words; 0 stands for one of another container, whose number means nothing here.</summary>
    public static string Name(int processId) =>
        processId == 0 ? "a process of another container" : string.Create(CultureInfo.InvariantCulture, $"pid {processId}");
}
