using System.Numerics;
using Crossnode.Core;

namespace Crossnode.Training.Sampling;

/// <summary>A random order of the numbers below a count, computed where it is asked for: no memory, any count.</summary>
/// <remarks>
/// A Feistel network over the next even number of bits, walked until it lands below the count (at most four steps on
/// average). Its result is part of the project's formats: seed, epoch and count give the same order for ever.
/// </remarks>
public sealed class IndexPermutation
{
    private const int Rounds = 8;

    private readonly ulong[] _keys = new ulong[Rounds];
    private readonly int _halfBits;
    private readonly ulong _halfMask;

    /// <summary>Creates the order of one epoch.</summary>
    public IndexPermutation(ulong seed, long epoch, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        _halfBits = Math.Max(1, (65 - BitOperations.LeadingZeroCount((ulong)(count - 1))) / 2);
        _halfMask = (1UL << _halfBits) - 1;
        var random = new DeterministicRandom(new DeterministicRandom(seed).NextUInt64() + (ulong)epoch);
        for (var i = 0; i < Rounds; i++)
        {
            _keys[i] = random.NextUInt64();
        }
    }

    /// <summary>How many numbers there are.</summary>
    public long Count { get; }

    /// <summary>The number at a position; a bijection of [0, <see cref="Count"/>).</summary>
    public long this[long position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, Count);
            var value = (ulong)position;
            do
            {
                value = Encrypt(value);
            }
            while (value >= (ulong)Count);
            return (long)value;
        }
    }

    private ulong Encrypt(ulong value)
    {
        var left = value >> _halfBits;
        var right = value & _halfMask;
        foreach (var key in _keys)
        {
            var mixed = new DeterministicRandom(right ^ key).NextUInt64() >> (64 - _halfBits);
            (left, right) = (right, left ^ mixed);
        }

        return (left << _halfBits) | right;
    }
}
