using Crossnode.Collectives.Links;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.State;

/// <summary>A state connection that is being opened by the fetcher.</summary>
internal sealed class StateDial : IDisposable
{
    private readonly StateHolder _holder;
    private readonly Preamble _ours;
    private PendingConnect? _pending;
    private bool _isHandedOut;

    public StateDial(ITransport transport, StateHolder holder, Preamble ours)
    {
        _holder = holder;
        _ours = ours;
        try
        {
            _pending = transport.Connect(holder.Endpoint);
        }
        catch (InputException unusable)
        {
            Failure = unusable.Message;
            IsFinal = true;
        }
    }

    /// <summary>The attempt, to be watched while there is one.</summary>
    public PendingConnect? Pending => _pending;

    /// <summary>The connection once there is one.</summary>
    public FrameConnection? Frames { get; private set; }

    /// <summary>Why it is over.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether another attempt would end the same way.</summary>
    public bool IsFinal { get; private set; }

    /// <summary>Moves what can move. True when the connection is open, false when not yet or, with <see cref="Failure"/>, never.</summary>
    public bool Drive(out bool moved)
    {
        moved = false;
        if (Failure is not null || !TryConnect(ref moved))
        {
            return false;
        }

        Preamble? theirs = null;
        var status = Frames!.Flush(out _);
        if (status is FrameStatus.Ready or FrameStatus.WouldBlock)
        {
            status = Frames.TryReadPreamble(out theirs);
        }

        switch (status)
        {
            case FrameStatus.WouldBlock:
                return false;
            case FrameStatus.Ready:
                moved = true;
                Failure = Complaint(theirs!);
                return Failure is null;
            default:
                Failure = Frames.Failure ?? "closed";
                return false;
        }
    }

    /// <summary>The open connection, which then belongs to the caller.</summary>
    public FrameConnection HandOut()
    {
        _isHandedOut = true;
        return Frames!;
    }

    public void Dispose()
    {
        _pending?.Dispose();
        if (!_isHandedOut)
        {
            Frames?.Dispose();
        }
    }

    private bool TryConnect(ref bool moved)
    {
        if (_pending is null)
        {
            return true;
        }

        switch (_pending.Poll(out var connection))
        {
            case ConnectStatus.Pending:
                return false;
            case ConnectStatus.Failed:
                Failure = _pending.Failure ?? "cannot be reached";
                return false;
        }

        moved = true;
        Frames = new FrameConnection(connection!);
        Frames.Queue(_ours.ToArray());
        _pending.Dispose();
        _pending = null;
        return true;
    }

    private string? Complaint(Preamble theirs)
    {
        // A view that it is about to be told of may make it serve.
        IsFinal = theirs.Status is not (PreambleStatus.Ok or PreambleStatus.Refused or PreambleStatus.OldView);
        if (theirs.Status is PreambleStatus.OtherVersion or PreambleStatus.OtherRun)
        {
            return $"refused ({theirs.Status})";
        }

        if (theirs.Run != _ours.Run || theirs.Member != _holder.Member || theirs.Incarnation != _holder.Incarnation)
        {
            IsFinal = true;
            return $"another process listens there ({theirs.Member} of run {theirs.Run})";
        }

        return theirs.Status == PreambleStatus.Ok ? null : $"refused ({theirs.Status}): it serves no state, or not to {_ours.Member}";
    }
}
