using System.Net;
using System.Net.Sockets;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Google.Protobuf;

namespace Crossnode.Coordinator.Tests;

/// <summary>A member made of a plain socket, so that it can also say what no real member says.</summary>
internal sealed class RawMember : IDisposable
{
    private readonly Socket _socket;

    public RawMember(string address)
    {
        var endpoint = IPEndPoint.Parse(address);
        _socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000, NoDelay = true };
        _socket.Connect(endpoint);
    }

    /// <summary>Exchanges preambles and says HELLO.</summary>
    public static RawMember Join(EmbeddedCoordinator coordinator, uint member, ulong incarnation = 1, Hello? hello = null)
    {
        var raw = new RawMember(coordinator.Address);
        raw.Send(PreambleOf(coordinator.Run, member).ToArray());
        Assert.Equal(PreambleStatus.Ok, raw.ReadPreamble().Status);
        hello ??= new Hello();
        hello.Incarnation = incarnation;
        hello.Endpoint = hello.Endpoint.Length > 0 ? hello.Endpoint : $"127.0.0.1:{40000 + member}";
        raw.Send(new ControlMessage { Hello = hello });
        return raw;
    }

    public static Preamble PreambleOf(RunId run, uint member = 0) =>
        new() { Run = run, Purpose = StreamPurpose.Control, Member = new MemberId(member), Incarnation = 1 };

    public void Send(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    public void Send(ControlMessage message)
    {
        var body = message.ToByteArray();
        var frame = new byte[FrameHeader.Size + body.Length];
        new FrameHeader { Type = FrameType.Control, Length = body.Length }.Write(frame);
        body.CopyTo(frame.AsSpan(FrameHeader.Size));
        _socket.Send(frame);
    }

    public Preamble ReadPreamble()
    {
        var bytes = Read(Preamble.FixedSize);
        Assert.True(Preamble.TryRead(bytes, out var preamble, out _, out var error), error);
        return preamble!;
    }

    /// <summary>The next message that is no heartbeat.</summary>
    public ControlMessage ReadMessage()
    {
        while (true)
        {
            Assert.True(FrameHeader.TryRead(Read(FrameHeader.Size), out var header, out var error), error);
            var message = ControlMessage.Parser.ParseFrom(Read(header.Length));
            if (message.BodyCase != ControlMessage.BodyOneofCase.Heartbeat)
            {
                return message;
            }
        }
    }

    public StateMessage ReadState()
    {
        Assert.True(FrameHeader.TryRead(Read(FrameHeader.Size), out var header, out var error), error);
        return StateMessage.Parser.ParseFrom(Read(header.Length));
    }

    public ViewRecord ReadNewView() => ReadMessage().NewView.View;

    /// <summary>Reads what still comes until the other side closes; fails when it does not.</summary>
    public void ReadToEnd()
    {
        var buffer = new byte[4096];
        try
        {
            while (_socket.Receive(buffer) > 0)
            {
            }
        }
        catch (SocketException reset) when (reset.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
        }
    }

    public void Dispose() => _socket.Dispose();

    private byte[] Read(int count)
    {
        var bytes = new byte[count];
        for (var done = 0; done < count;)
        {
            var received = _socket.Receive(bytes, done, count - done, SocketFlags.None);
            Assert.True(received > 0, $"the coordinator closed the stream after {done} of {count} bytes");
            done += received;
        }

        return bytes;
    }
}
