using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Crossnode.Core;

/// <summary>Where random bits come from: the operating system in production, a seed in the simulator.</summary>
public interface IRandomSource
{
    /// <summary>Draws 64 random bits.</summary>
    ulong NextUInt64();
}

/// <summary>Random bits from the operating system's cryptographic source.</summary>
public sealed class SystemRandomSource : IRandomSource
{
    /// <inheritdoc />
    public ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}

/// <summary>A seeded generator whose sequence is part of this project's formats: SplitMix64 (Steele, Lea, Flood 2014).</summary>
/// <remarks>System.Random promises no sequence across runtime versions; shards and schedules must not move with them.</remarks>
public sealed class DeterministicRandom(ulong seed) : IRandomSource
{
    private ulong _state = seed;

    /// <inheritdoc />
    public ulong NextUInt64()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Draws an integer in [0, <paramref name="exclusiveMaximum"/>) without bias.</summary>
    public long NextInt64(long exclusiveMaximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMaximum);
        var range = (ulong)exclusiveMaximum;
        var limit = ulong.MaxValue - (ulong.MaxValue % range);
        ulong value;
        do
        {
            value = NextUInt64();
        }
        while (value >= limit);
        return (long)(value % range);
    }

    /// <summary>Draws an integer in [0, <paramref name="exclusiveMaximum"/>).</summary>
    public int NextInt32(int exclusiveMaximum) => (int)NextInt64(exclusiveMaximum);

    /// <summary>Draws a number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Puts the items in a random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
