namespace Crossnode.Transport.Tests;

/// <summary>Sends one known random sequence and checks another, in pieces of changing size.</summary>
internal sealed class TwoWayStream(Connection connection, int sendSeed, int receiveSeed, int bytes)
{
    private readonly byte[] _source = Bytes(sendSeed, bytes);
    private readonly byte[] _expected = Bytes(receiveSeed, bytes);
    private readonly byte[] _buffer = new byte[300_000];
    private readonly Random _sizes = new(sendSeed);
    private int _sent;
    private int _received;

    public Connection Connection => connection;

    public bool HasSentAll => _sent == bytes;

    public bool IsFinished => HasSentAll && _received == bytes;

    public bool Step()
    {
        var moved = false;
        if (!HasSentAll)
        {
            var piece = Math.Min(_sizes.Next(1, 600_000), bytes - _sent);
            moved = connection.TrySend(_source.AsSpan(_sent, piece), out var sent) == IoStatus.Done;
            _sent += sent;
        }

        var status = connection.TryReceive(_buffer.AsSpan(0, _sizes.Next(1, _buffer.Length)), out var received);
        Assert.True(status is IoStatus.Done or IoStatus.WouldBlock);
        Assert.True(_buffer.AsSpan(0, received).SequenceEqual(_expected.AsSpan(_received, received)));
        _received += received;
        return moved || received > 0;
    }

    private static byte[] Bytes(int seed, int count)
    {
        var result = new byte[count];
        new Random(seed).NextBytes(result);
        return result;
    }
}
