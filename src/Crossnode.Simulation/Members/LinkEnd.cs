using Crossnode.Core.Errors;
using Crossnode.Protocol;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Network;

namespace Crossnode.Simulation.Members;

/// <summary>One end of an open link: moves frames between an engine and a connection, as a session's PeerLink does.</summary>
/// <remarks>Payloads travel in pieces, so that a link can break in the middle of one at either end.</remarks>
internal sealed unsafe class LinkEnd(SimulatedMember member, Socket socket, int rank) : ISocketOwner
{
    private FrameHeader _sending;
    private byte* _payload;
    private int _sent;
    private FrameHeader _receiving;
    private byte* _target;
    private int _received;

    public SimulatedMember Owner => member;

    public int Rank { get; set; } = rank;

    public Socket Socket { get; } = socket;

    public bool IsDirty { get; set; }

    public bool IsSending { get; private set; }

    public bool IsReceiving { get; private set; }

    /// <summary>The operation whose memory is borrowed to send from.</summary>
    public (uint Tag, long Sequence) Sending => (_sending.Tag, _sending.Sequence);

    /// <summary>The operation whose payload is coming.</summary>
    public (uint Tag, long Sequence) Receiving => (_receiving.Tag, _receiving.Sequence);

    // Without R17 nothing holds data of an operation that has not started here, and all behind it waits.
    public bool CanTake(in Packet packet) =>
        member.Has(ProtocolRules.R17) || packet.Kind != PacketKind.Frame || packet.Header.Type != FrameType.Data
        || member.HasStarted(packet.Header.Tag, packet.Header.Sequence);

    public void HasRoom() => member.WantPump(this);

    public void Take(Socket from, in Packet packet)
    {
        switch (packet.Kind)
        {
            case PacketKind.Frame:
                TakeFrame(packet);
                break;
            case PacketKind.Piece:
                TakeBytes(packet);
                break;
            default:
                member.LinkOver(this, packet.Kind == PacketKind.End ? "closed by the other side" : "reset");
                break;
        }
    }

    /// <summary>Sends what fits.</summary>
    public void Pump()
    {
        var lane = Socket.Out;
        while (!Socket.IsClosed && lane.InFlight < member.Schedule.WindowBytes)
        {
            if (IsSending)
            {
                SendPiece();
                continue;
            }

            if (!member.Engine.TryNextFrame(Rank, out var header, out var payload))
            {
                return;
            }

            if (header.Length <= member.Schedule.SmallPayload)
            {
                SendWhole(header, payload);
                member.Engine.FrameSent(member.Time, Rank, header);
            }
            else
            {
                _sending = header;
                _payload = payload;
                _sent = 0;
                IsSending = true;
            }
        }
    }

    /// <summary>Copies what is left of a payload, so that its memory is free, and lets a frame follow that ends the link.</summary>
    public void Freeze(bool sayFrozen)
    {
        while (IsSending)
        {
            SendPiece(tellEngine: false);
        }

        IsReceiving = false;
        if (sayFrozen)
        {
            Send(PacketKind.Frame, new FrameHeader { Type = FrameType.Frozen }, null, 0);
        }

        member.Network.Close(Socket);
    }

    /// <summary>Forgets all borrowed memory and closes.</summary>
    public void Close()
    {
        IsSending = false;
        IsReceiving = false;
        member.Network.Close(Socket);
    }

    /// <summary>Lets go of the memory of an operation that is over, which only happens without some rule.</summary>
    public void Detach()
    {
        while (IsSending)
        {
            SendPiece(tellEngine: false);
        }

        _target = null;
    }

    private void TakeFrame(in Packet packet)
    {
        byte* target;
        try
        {
            target = member.Engine.BeginFrame(member.Time, Rank, packet.Header);
        }
        catch (ProtocolException broken)
        {
            member.Broke(this, broken);
            return;
        }

        if (target is null || Socket.IsClosed)
        {
            return;
        }

        _receiving = packet.Header;
        _target = target;
        _received = 0;
        IsReceiving = true;
        TakeBytes(packet);
    }

    private void TakeBytes(in Packet packet)
    {
        if (!IsReceiving)
        {
            return;
        }

        if (_target is not null && packet.Length > 0)
        {
            packet.Bytes.AsSpan(0, packet.Length).CopyTo(new Span<byte>(_target + _received, packet.Length));
        }

        _received += packet.Length;
        if (_received == _receiving.Length)
        {
            IsReceiving = false;
            member.Engine.EndFrame(member.Time, Rank, _receiving);
        }
        else
        {
            member.Engine.Heard(Rank, member.Time);
            member.InMidPayload(this);
        }
    }

    private void SendWhole(in FrameHeader header, byte* payload)
    {
        var sent = Math.Min(BytePool.BlockBytes, header.Length);
        Send(PacketKind.Frame, header, payload, sent);
        while (sent < header.Length)
        {
            var length = Math.Min(BytePool.BlockBytes, header.Length - sent);
            Send(PacketKind.Piece, default, payload + sent, length);
            sent += length;
        }
    }

    private void SendPiece(bool tellEngine = true)
    {
        var length = Math.Min(member.Schedule.PieceBytes, _sending.Length - _sent);
        Send(_sent == 0 ? PacketKind.Frame : PacketKind.Piece, _sending, _payload + _sent, length);
        _sent += length;
        if (_sent < _sending.Length)
        {
            return;
        }

        IsSending = false;
        if (tellEngine)
        {
            member.Engine.FrameSent(member.Time, Rank, _sending);
        }
    }

    private void Send(PacketKind kind, in FrameHeader header, byte* from, int length)
    {
        var packet = new Packet { Kind = kind, Header = header, Length = length };
        if (length > 0)
        {
            packet.Bytes = member.Network.Pool.Rent();
            new ReadOnlySpan<byte>(from, length).CopyTo(packet.Bytes);
        }

        member.Network.Send(Socket, packet);
    }
}
