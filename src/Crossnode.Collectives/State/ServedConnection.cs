using System.Runtime.InteropServices;
using Crossnode.Collectives.Links;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

/// <summary>A request for a chunk that waits for its turn, or is being answered.</summary>
internal readonly record struct WantedChunk(ulong Number, long Version, uint Tensor, uint Chunk);

/// <summary>A question what an operation is, until it is answered.</summary>
internal readonly record struct DescribeAsked(ulong Number, long Sequence, bool KnowsProvisional);

/// <summary>One fetcher's connection at a holder: what it asked for, and how far the answer is.</summary>
internal sealed unsafe class ServedConnection : IStateReader, IDisposable
{
    /// <summary>The most requests that a connection may have open.</summary>
    public const int MaxOpen = 64;

    /// <summary>The longest request.</summary>
    public const int MaxRequestBytes = 4096;

    /// <summary>The longest piece.</summary>
    public const int MaxPieceBytes = 256 << 10;

    private readonly Action<ServedConnection, long> _asked;
    private readonly Action<ServedConnection, long> _ended;
    private readonly Queue<byte[]> _answers = new();
    private byte* _piece;
    private bool _disposed;

    public ServedConnection(
        FrameConnection frames,
        StatePeer peer,
        bool isGuest,
        Action<ServedConnection, long> asked,
        Action<ServedConnection, long> ended)
    {
        IsGuest = isGuest;
        Stream = new StateStream(frames, MaxRequestBytes);
        Peer = peer;
        _asked = asked;
        _ended = ended;
    }

    public StateStream Stream { get; }

    public StatePeer Peer { get; }

    /// <summary>Whether the peer may be outside the view; then it gets what is published, and no state.</summary>
    public bool IsGuest { get; private set; }

    /// <summary>Versions that this connection asked for and has not said to be done with.</summary>
    public List<long> Interests { get; } = [];

    public List<DescribeAsked> Descriptions { get; } = [];

    public List<(ulong Number, long Version)> Manifests { get; } = [];

    public Queue<WantedChunk> Chunks { get; } = new();

    /// <summary>Bytes of the first chunk in the queue that have been sent.</summary>
    public int Sent { get; set; }

    public bool HasAnswers => _answers.Count > 0;

    /// <summary>The peer is in the view now: it gets state, until it is not.</summary>
    public void Admit() => IsGuest = false;

    public Span<byte> Piece(int length)
    {
        if (_piece is null)
        {
            _piece = (byte*)NativeMemory.Alloc(MaxPieceBytes);
        }

        return new Span<byte>(_piece, length);
    }

    public bool Receive(out bool moved) => Stream.Receive(this, out moved);

    /// <summary>Answers a request; it goes out before the next piece of a chunk.</summary>
    public void Answer(StateMessage message) => _answers.Enqueue(message.ToByteArray());

    public void Refuse(ulong number, string reason) => Answer(new StateMessage { Number = number, Refusal = new Refusal { Reason = reason } });

    /// <summary>Queues the next answer behind what is with the kernel already.</summary>
    public int QueueAnswer()
    {
        var body = _answers.Dequeue();
        Stream.Queue(body);
        return body.Length;
    }

    /// <summary>Queues the piece that was filled in.</summary>
    public void QueuePiece(ulong number, int offset, int length) =>
        Stream.Frames.QueueFrame(
            new FrameHeader { Type = FrameType.Chunk, Sequence = (long)number, Offset = offset, Length = length }, _piece);

    public string? Received(StateMessage message)
    {
        if (message.Number is 0 or > long.MaxValue)
        {
            return $"request number {message.Number}";
        }

        if (Descriptions.Count + Manifests.Count + Chunks.Count + _answers.Count >= MaxOpen)
        {
            return $"more than {MaxOpen} requests at once";
        }

        switch (message.BodyCase)
        {
            case StateMessage.BodyOneofCase.Describe:
                Descriptions.Add(new DescribeAsked(message.Number, message.Describe.Sequence, message.Describe.KnowsProvisional));
                return null;
            case StateMessage.BodyOneofCase.AskManifest when IsGuest && message.AskManifest.Version != StateServer.PublishedVersion:
            case StateMessage.BodyOneofCase.AskChunk when IsGuest && message.AskChunk.Version != StateServer.PublishedVersion:
                Refuse(message.Number, "a guest gets no state: enter the view, and ask as a member of it");
                return null;
            case StateMessage.BodyOneofCase.AskManifest:
                Manifests.Add((message.Number, message.AskManifest.Version));
                _asked(this, message.AskManifest.Version);
                return null;
            case StateMessage.BodyOneofCase.AskChunk:
                var wanted = message.AskChunk;
                Chunks.Enqueue(new WantedChunk(message.Number, wanted.Version, wanted.Tensor, wanted.Chunk));
                return null;
            case StateMessage.BodyOneofCase.Ended:
                _ended(this, message.Ended.Version);
                return null;
            case StateMessage.BodyOneofCase.None:
                return null; // Of a newer minor version.
            default:
                return $"a {message.BodyCase}, which only holders send";
        }
    }

    public byte* BeginPiece(in FrameHeader header, out string? complaint)
    {
        complaint = "a piece of a chunk, which only holders send";
        return null;
    }

    public string? EndPiece(in FrameHeader header) => null;

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Stream.Dispose();
            NativeMemory.Free(_piece);
        }
    }
}
