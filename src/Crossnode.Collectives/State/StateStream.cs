using Crossnode.Collectives.Links;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

/// <summary>Who a state connection's bytes are for.</summary>
internal unsafe interface IStateReader
{
    /// <summary>A whole message. Gives what is wrong with it; null when nothing is.</summary>
    string? Received(StateMessage message);

    /// <summary>Where a piece goes; null with the reason when it was not asked for.</summary>
    byte* BeginPiece(in FrameHeader header, out string? complaint);

    /// <summary>The piece is there.</summary>
    string? EndPiece(in FrameHeader header);
}

/// <summary>Frames on a state connection whose preambles have been exchanged.</summary>
/// <remarks>Not blocking, one thread at a time. Nothing is allocated for a message that is longer than the reader allows.</remarks>
internal sealed unsafe class StateStream(FrameConnection frames, int maxMessageBytes) : IDisposable
{
    private byte[] _body = [];
    private FrameHeader _header;
    private bool _inPayload;

    public FrameConnection Frames { get; } = frames;

    /// <summary>Why the connection is of no more use.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether it is over because the other side broke the rules.</summary>
    public bool HasBrokenRules { get; private set; }

    /// <summary>Queues a message; nothing may be pending that is larger than small.</summary>
    public void Queue(byte[] body)
    {
        Span<byte> header = stackalloc byte[FrameHeader.Size];
        new FrameHeader { Type = FrameType.State, Length = body.Length }.Write(header);
        Frames.Queue(header);
        Frames.Queue(body);
    }

    /// <summary>Sends what fits. False when the connection is over.</summary>
    public bool Flush(out bool moved)
    {
        var status = Frames.Flush(out moved);
        return status is FrameStatus.Ready or FrameStatus.WouldBlock || Fail(Frames.Failure);
    }

    /// <summary>Reads what is there, at most a few frames at a time so that others have their turn. False when it is over.</summary>
    public bool Receive(IStateReader reader, out bool moved)
    {
        const int FramesAtATime = 8;
        moved = false;
        for (var frame = 0; frame < FramesAtATime;)
        {
            bool got;
            FrameStatus status;
            if (_inPayload)
            {
                status = Frames.ReceivePayload(out got);
                if (status == FrameStatus.Ready)
                {
                    _inPayload = false;
                    frame++;
                    if (!End(reader))
                    {
                        return false;
                    }
                }
            }
            else
            {
                status = Frames.TryReadHeader(out _header, out got);
                if (status == FrameStatus.Ready && !Begin(reader))
                {
                    return false;
                }
            }

            moved |= got;
            if (status == FrameStatus.WouldBlock)
            {
                return true;
            }

            if (status != FrameStatus.Ready)
            {
                // Bytes that are no header, on a connection that is sound.
                HasBrokenRules |= status == FrameStatus.Failed && Frames.Connection.Failure is null;
                return Fail(Frames.Failure);
            }
        }

        return true;
    }

    public void Dispose()
    {
        Frames.DetachPayloads();
        Frames.Dispose();
    }

    private bool Begin(IStateReader reader)
    {
        byte* target;
        switch (_header.Type)
        {
            case FrameType.State when _header.Length > maxMessageBytes:
                return Broke($"sent a message of {_header.Length} bytes (at most {maxMessageBytes} are taken here)");
            case FrameType.State:
                if (_body.Length < _header.Length)
                {
                    _body = GC.AllocateUninitializedArray<byte>(_header.Length, pinned: true);
                }

                target = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(
                    ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_body));
                break;
            case FrameType.Chunk:
                target = reader.BeginPiece(_header, out var complaint);
                if (complaint is not null)
                {
                    return Broke($"sent {complaint}");
                }

                break;
            default:
                return Broke($"sent a {_header.Type} frame on a state connection");
        }

        Frames.BeginPayload(target, _header.Length);
        _inPayload = true;
        return true;
    }

    private bool End(IStateReader reader)
    {
        if (_header.Type == FrameType.Chunk)
        {
            return reader.EndPiece(_header) is not { } wrong || Broke($"sent {wrong}");
        }

        StateMessage message;
        try
        {
            message = StateMessage.Parser.ParseFrom(_body, 0, _header.Length);
        }
        catch (InvalidProtocolBufferException broken)
        {
            return Broke($"sent a state frame that is no message ({broken.Message})");
        }

        return reader.Received(message) is not { } complaint || Broke($"sent {complaint}");
    }

    private bool Broke(string why)
    {
        HasBrokenRules = true;
        return Fail(why);
    }

    private bool Fail(string? why)
    {
        Failure ??= why ?? "broken";
        return false;
    }
}
