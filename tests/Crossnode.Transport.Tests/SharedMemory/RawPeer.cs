using System.Net.Sockets;

namespace Crossnode.Transport.Tests;

/// <summary>A process that speaks to a listener as it likes.</summary>
internal static class RawPeer
{
    public static Socket Connect(Listener listener)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint("\0crossnode/" + listener.Address[SharedMemoryTransport.Scheme.Length..]));
        return socket;
    }

    public static byte[] Hello(string name, SharedMemoryLayout layout)
    {
        var hello = new byte[SharedMemoryHello.Bytes];
        SharedMemoryHello.Write(hello, name, layout);
        return hello;
    }

    public static SharedMemoryAnswer Answer(Socket socket)
    {
        var answer = new byte[SharedMemoryHello.AnswerBytes];
        Assert.Equal(answer.Length, socket.Receive(answer));
        return SharedMemoryHello.ReadAnswer(answer);
    }

    public static bool IsClosed(Socket socket) => Libc.HasHungUp(socket.Handle);
}
