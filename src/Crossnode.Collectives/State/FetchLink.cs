using System.IO.Hashing;
using System.Runtime.InteropServices;
using Crossnode.Collectives.Links;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

/// <summary>A fetch's connection to one holder: turns bytes into events.</summary>
/// <remarks>A chunk gathers in memory of the link until its hash is known: nothing unchecked reaches a target.</remarks>
internal sealed unsafe class FetchLink(int index, StateDial dial, long version, Action<FetchEvent> post) : IStateReader, IDisposable
{
    private readonly Dictionary<ulong, (int Number, ChunkPlace Place, UInt128 Hash)> _asked = [];
    private readonly XxHash128 _hash = new();
    private StateStream? _stream;
    private ulong _lastNumber;
    private ulong _manifestNumber;
    private ulong _current;
    private int _received;
    private byte* _gathered;
    private int _gatheredBytes;
    private bool _hasManifest;
    private bool _isOver;
    private bool _disposed;

    /// <summary>Takes a right chunk: its number, its place, its bytes.</summary>
    public required ChunkSink Take { get; init; }

    /// <summary>Takes what the holder says of the version.</summary>
    public required Action<StateManifest> Learn { get; init; }

    public delegate void ChunkSink(int index, int number, in ChunkPlace place, ReadOnlySpan<byte> bytes);

    /// <summary>Whether a manifest of this total hash can be the right one.</summary>
    public required Func<UInt128, bool> Accepts { get; init; }

    /// <summary>Moves what can move. False when nothing more comes of this link; then it has posted why.</summary>
    public bool Drive(out bool moved)
    {
        moved = false;
        if (_isOver)
        {
            return false;
        }

        if (_stream is null)
        {
            if (!dial.Drive(out moved))
            {
                return dial.Failure is null || Over(dial.IsFinal ? new FetchEvent.Refused(index, dial.Failure) : new FetchEvent.Lost(index, dial.Failure));
            }

            _stream = new StateStream(dial.HandOut(), FrameHeader.MaxControlLength);
            post(new FetchEvent.Opened(index));
            return true;
        }

        if (!_stream.Flush(out var sent) || !_stream.Receive(this, out moved))
        {
            var why = _stream.Failure ?? "broken";
            return Over(_stream.HasBrokenRules ? new FetchEvent.Refused(index, why) : new FetchEvent.Lost(index, why));
        }

        moved |= sent;
        return true;
    }

    public void Watch(Poller poller)
    {
        if (_stream is not null)
        {
            poller.Watch(_stream.Frames.Connection, read: true, write: _stream.Frames.HasPending);
        }
        else if (dial.Frames is { } opening)
        {
            poller.Watch(opening.Connection, read: true, write: opening.HasPending);
        }
        else if (dial.Pending is { } pending)
        {
            poller.Watch(pending);
        }
    }

    public void Unwatch(Poller poller)
    {
        if ((_stream?.Frames ?? dial.Frames) is { } frames)
        {
            poller.Unwatch(frames.Connection);
        }
        else if (dial.Pending is { } pending)
        {
            poller.Unwatch(pending);
        }
    }

    public void AskManifest()
    {
        _manifestNumber = ++_lastNumber;
        Send(new StateMessage { Number = _manifestNumber, AskManifest = new ManifestRequest { Version = version } });
    }

    public void AskChunk(int number, in ChunkPlace place, UInt128 hash, int chunkBytes)
    {
        if (_gathered is null)
        {
            _gathered = (byte*)NativeMemory.Alloc((nuint)chunkBytes);
            _gatheredBytes = chunkBytes;
        }

        _asked.Add(++_lastNumber, (number, place, hash));
        Send(new StateMessage
        {
            Number = _lastNumber,
            AskChunk = new ChunkRequest { Version = version, Tensor = (uint)place.Tensor, Chunk = (uint)place.Chunk },
        });
    }

    /// <summary>Tells the holder that this fetcher is done with the version.</summary>
    public void SayEnded()
    {
        if (_stream is not null && !_isOver)
        {
            Send(new StateMessage { Number = ++_lastNumber, Ended = new FetchEnded { Version = version } });
        }
    }

    public string? Received(StateMessage message)
    {
        switch (message.BodyCase)
        {
            case StateMessage.BodyOneofCase.Manifest when message.Number == _manifestNumber && !_hasManifest:
                if (!StateManifest.TryRead(message.Manifest, out var manifest, out var error))
                {
                    return error;
                }

                if (manifest.Version != version)
                {
                    return $"a manifest of version {manifest.Version}, where {version} was asked for";
                }

                _hasManifest = true;
                if (!Accepts(manifest.TotalHash))
                {
                    Over(new FetchEvent.Refused(index, "what it gives is not what is wanted"));
                    return null;
                }

                Learn(manifest);
                post(new FetchEvent.ManifestCame(index, manifest.TotalHash));
                return null;
            case StateMessage.BodyOneofCase.Refusal when message.Number == _manifestNumber || _asked.ContainsKey(message.Number):
                const int MaxReason = 512;
                var reason = message.Refusal.Reason;
                Over(new FetchEvent.Refused(index, reason.Length > MaxReason ? reason[..MaxReason] : reason));
                return null;
            case StateMessage.BodyOneofCase.None:
                return null; // Of a newer minor version.
            default:
                return $"a {message.BodyCase} that was not asked for";
        }
    }

    public byte* BeginPiece(in FrameHeader header, out string? complaint)
    {
        var number = (ulong)header.Sequence;
        complaint = null;
        if (_isOver)
        {
            complaint = "a piece after it had refused";
            return null;
        }

        if (!_asked.TryGetValue(number, out var asked) || (_current != 0 && number != _current) || header.Offset != _received
            || header.Offset + header.Length > Math.Min(asked.Place.Length, _gatheredBytes))
        {
            complaint = $"a piece of {header.Length} bytes at {header.Offset} for request {number}, where another was expected";
            return null;
        }

        _current = number;
        return _gathered + header.Offset;
    }

    public string? EndPiece(in FrameHeader header)
    {
        var (number, place, hash) = _asked[_current];

        // While the piece is in the processor's cache.
        _hash.Append(new ReadOnlySpan<byte>(_gathered + _received, header.Length));
        _received += header.Length;
        if (_received < place.Length)
        {
            post(new FetchEvent.Heard(index));
            return null;
        }

        _asked.Remove(_current);
        _current = 0;
        _received = 0;
        var isRight = _hash.GetCurrentHashAsUInt128() == hash;
        _hash.Reset();
        if (isRight)
        {
            Take(index, number, place, new ReadOnlySpan<byte>(_gathered, place.Length));
        }

        post(new FetchEvent.ChunkCame(index, number, isRight));
        return null;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _isOver = true;
            _stream?.Dispose();
            dial.Dispose();
            NativeMemory.Free(_gathered);
        }
    }

    private bool Over(FetchEvent why)
    {
        if (!_isOver)
        {
            _isOver = true;
            post(why);
        }

        return false;
    }

    private void Send(StateMessage message)
    {
        _stream!.Queue(message.ToByteArray());
        _stream.Flush(out _);
    }
}
