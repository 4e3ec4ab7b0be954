using Crossnode.Collectives.Links;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Google.Protobuf;

namespace Crossnode.Collectives.Sessions;

/// <summary>A control stream being opened or open: preambles first, then Protobuf messages in frames.</summary>
public sealed unsafe class ControlLink : IDisposable
{
    private readonly Preamble _ours;
    private PendingConnect? _pending;
    private byte[] _body = [];
    private GCHandleBuffer? _receiving;
    private bool _disposed;

    /// <summary>Starts from a connection attempt: the opener's side.</summary>
    public ControlLink(PendingConnect pending, Preamble ours)
    {
        _pending = pending;
        _ours = ours;
    }

    /// <summary>Starts from an accepted connection whose preambles have been exchanged.</summary>
    public ControlLink(FrameConnection frames, Preamble theirs)
    {
        ArgumentNullException.ThrowIfNull(theirs);
        Frames = frames;
        _ours = theirs;
        IsOpen = true;
    }

    /// <summary>The attempt, to be watched while there is one.</summary>
    public PendingConnect? Pending => _pending;

    /// <summary>The connection once there is one.</summary>
    public FrameConnection? Frames { get; private set; }

    /// <summary>Whether both preambles have been exchanged.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Why the stream is over.</summary>
    public string? Failure { get; private set; }

    /// <summary>Set when the other side refused for good: another version, another run.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Set when nothing listens at the address.</summary>
    public bool IsNobodyThere { get; private set; }

    /// <summary>Set when what answers does not speak this protocol at all.</summary>
    public bool IsForeign { get; private set; }

    /// <summary>Queues a message.</summary>
    public void Send(ControlMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        Frames?.QueueControl(message.ToByteArray());
    }

    /// <summary>Moves what can move and hands every whole message to the callback.</summary>
    /// <returns>False when the stream is over.</returns>
    public bool Drive(Action opened, Action<ControlMessage> received, out bool moved)
    {
        ArgumentNullException.ThrowIfNull(opened);
        ArgumentNullException.ThrowIfNull(received);
        moved = false;
        if (_pending is not null && !Connect(ref moved))
        {
            return Failure is null;
        }

        if (!Flush(ref moved))
        {
            return false;
        }

        if (!IsOpen && !Open(opened, ref moved))
        {
            return Failure is null;
        }

        return Receive(received, ref moved) && !_disposed && Flush(ref moved);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _disposed = true;
        _pending?.Dispose();
        Frames?.DetachPayloads();
        Frames?.Dispose();
        _receiving?.Dispose();
    }

    private bool Connect(ref bool moved)
    {
        switch (_pending!.Poll(out var connection))
        {
            case ConnectStatus.Connected:
                Frames = new FrameConnection(connection!);
                Frames.Queue(_ours.ToArray());
                _pending.Dispose();
                _pending = null;
                moved = true;
                return true;
            case ConnectStatus.Failed:
                Failure = _pending.Failure ?? "cannot be reached";
                IsNobodyThere = _pending.IsRefused;
                return false;
            default:
                return false;
        }
    }

    private bool Open(Action opened, ref bool moved)
    {
        var status = Frames!.TryReadPreamble(out var theirs);
        if (status == FrameStatus.WouldBlock)
        {
            return false;
        }

        if (status != FrameStatus.Ready)
        {
            Failure = Frames.Failure;
            IsForeign = status == FrameStatus.Failed && Frames.Connection.Failure is null;
            return false;
        }

        if (Refusal(theirs!) is { } refusal)
        {
            Failure = refusal;
            IsRefused = true;
            return false;
        }

        IsOpen = true;
        moved = true;
        opened();
        return !_disposed;
    }

    private string? Refusal(Preamble theirs) => theirs.Status switch
    {
        _ when theirs.Major != Preamble.CurrentMajor =>
            $"the coordinator speaks protocol {theirs.Major}.{theirs.Minor}, this program {Preamble.CurrentMajor}.{Preamble.CurrentMinor};"
            + " install the same version everywhere",
        PreambleStatus.Ok => null,
        PreambleStatus.OtherVersion => "the coordinator speaks another version; install the same version everywhere",
        PreambleStatus.OtherRun => $"what listens there serves another run than {_ours.Run}; copy the address and the run id that the coordinator printed",
        PreambleStatus.Refused => "what listens there is a member, not the coordinator; copy the address that the coordinator printed",
        _ => $"the coordinator refused this process ({theirs.Status})",
    };

    private bool Flush(ref bool moved)
    {
        if (!Frames!.HasPending)
        {
            return true;
        }

        var status = Frames.Flush(out var flushed);
        moved |= flushed;
        if (status is FrameStatus.Ready or FrameStatus.WouldBlock)
        {
            return true;
        }

        Failure = Frames.Failure;
        return false;
    }

    private bool Receive(Action<ControlMessage> received, ref bool moved)
    {
        while (true)
        {
            bool got;
            FrameStatus status;
            if (_receiving is not null)
            {
                status = Frames!.ReceivePayload(out got);
                if (status == FrameStatus.Ready)
                {
                    EndBody(received);
                }
            }
            else
            {
                status = Frames!.TryReadHeader(out var header, out got);
                if (status == FrameStatus.Ready && !Begin(header))
                {
                    return false;
                }
            }

            moved |= got;
            if (Failure is not null || _disposed)
            {
                return false; // Broken, or a message made our side close the stream.
            }

            if (status == FrameStatus.WouldBlock)
            {
                return true;
            }

            if (status != FrameStatus.Ready)
            {
                Failure = Frames.Failure;
                return false;
            }
        }
    }

    private bool Begin(in FrameHeader header)
    {
        if (header.Type != FrameType.Control)
        {
            Failure = $"{Frames!.Connection.Remote} sent a {header.Type} frame on a control stream";
            return false;
        }

        _body = new byte[header.Length];
        _receiving = new GCHandleBuffer(_body);
        Frames!.BeginPayload(_receiving.Address, header.Length);
        return true;
    }

    private void EndBody(Action<ControlMessage> received)
    {
        _receiving!.Dispose();
        _receiving = null;
        ControlMessage message;
        try
        {
            message = ControlMessage.Parser.ParseFrom(_body);
        }
        catch (InvalidProtocolBufferException broken)
        {
            Failure = $"{Frames!.Connection.Remote} sent a control frame that is no message ({broken.Message})";
            return;
        }

        if (ControlCheck.Complaint(message) is { } complaint)
        {
            Failure = $"{Frames!.Connection.Remote} sent {complaint}";
            return;
        }

        received(message);
    }

    private sealed class GCHandleBuffer(byte[] bytes) : IDisposable
    {
        private readonly System.Buffers.MemoryHandle _handle = bytes.AsMemory().Pin();

        public byte* Address => (byte*)_handle.Pointer;

        public void Dispose() => _handle.Dispose();
    }
}
