using System.Net;
using System.Net.Sockets;
using Crossnode.Coordinator.Tests;
using Crossnode.Core;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Google.Protobuf;

namespace Crossnode.Integration.Tests.State;

/// <summary>Frames of state connections by hand.</summary>
internal static class RawState
{
    public static byte[] Frame(StateMessage message) => Frame(FrameType.State, message.ToByteArray());

    public static byte[] Frame(FrameType type, byte[] body, long sequence = 0, long offset = 0, int? length = null)
    {
        var frame = new byte[FrameHeader.Size + body.Length];
        new FrameHeader { Type = type, Sequence = sequence, Offset = offset, Length = length ?? body.Length }.Write(frame);
        body.CopyTo(frame, FrameHeader.Size);
        return frame;
    }

    /// <summary>Opens a state connection as the newcomer of a cluster.</summary>
    public static RawMember Open(StateCluster cluster, Func<Preamble, Preamble>? change = null)
    {
        var preamble = new Preamble
        {
            Run = cluster.Cluster.Run,
            Purpose = StreamPurpose.State,
            View = cluster.Newcomer.View.Id,
            Member = cluster.NewcomerPeer.Member,
            Incarnation = cluster.NewcomerPeer.Incarnation,
        };
        var raw = new RawMember(cluster.Cluster.Sessions[0].Endpoint);
        raw.Send((change?.Invoke(preamble) ?? preamble).ToArray());
        return raw;
    }
}

/// <summary>Listens where a holder would, and answers requests as a test says: with bytes, or with null to close.</summary>
internal sealed class FakeHolder : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Preamble _preamble;
    private readonly Func<StateMessage, byte[]?> _answer;
    private readonly List<Socket> _sockets = [];

    public FakeHolder(Preamble preamble, Func<StateMessage, byte[]?> answer)
    {
        _preamble = preamble;
        _answer = answer;
        _listener.Start();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public string Endpoint => _listener.LocalEndpoint.ToString()!;

    public void Dispose()
    {
        _listener.Stop();
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Dispose());
        }
    }

    private static byte[]? Read(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var done = 0; done < count;)
        {
            var received = socket.Receive(bytes, done, count - done, SocketFlags.None);
            if (received == 0)
            {
                return null;
            }

            done += received;
        }

        return bytes;
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.AcceptSocket();
                lock (_sockets)
                {
                    _sockets.Add(socket);
                }

                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
        }
        catch (Exception stopped) when (stopped is SocketException or InvalidOperationException)
        {
        }
    }

    private void Serve(Socket socket)
    {
        try
        {
            using (socket)
            {
                Read(socket, Preamble.FixedSize);
                socket.Send(_preamble.ToArray());
                while (Read(socket, FrameHeader.Size) is { } bytes && FrameHeader.TryRead(bytes, out var header, out _))
                {
                    if (_answer(StateMessage.Parser.ParseFrom(Read(socket, header.Length))) is not { } answer)
                    {
                        return;
                    }

                    socket.Send(answer);
                }
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
        }
    }
}
