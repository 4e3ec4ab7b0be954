using System.Globalization;

namespace Crossnode.Core;

/// <summary>Names one training job: 128 random bits, drawn by whoever starts it.</summary>
/// <param name="High">The first eight bytes, big-endian in the text form.</param>
/// <param name="Low">The last eight bytes.</param>
public readonly record struct RunId(ulong High, ulong Low)
{
    /// <summary>Draws an id from the given source, which must be cryptographic where strangers can reach the run.</summary>
    public static RunId Create(IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new RunId(random.NextUInt64(), random.NextUInt64());
    }

    /// <summary>Parses the 32 hexadecimal digits that <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string? text, out RunId id)
    {
        id = default;
        if (text is not { Length: 32 }
            || !ulong.TryParse(text.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !ulong.TryParse(text.AsSpan(16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
        {
            return false;
        }

        id = new RunId(high, low);
        return true;
    }

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");
}

/// <summary>An identity within a run. Its rank is its position in a view and may change; the member does not.</summary>
/// <param name="Value">The worker number that the launcher or the coordinator gave, from 0.</param>
public readonly record struct MemberId(uint Value) : IComparable<MemberId>
{
    /// <summary>Of a process that has no number yet; the coordinator gives it one.</summary>
    public static MemberId Unassigned => new(uint.MaxValue);

    /// <inheritdoc />
    public int CompareTo(MemberId other) => Value.CompareTo(other.Value);

    /// <inheritdoc />
    public override string ToString() =>
        this == Unassigned ? "a new member" : string.Create(CultureInfo.InvariantCulture, $"member {Value}");

    public static bool operator <(MemberId left, MemberId right) => left.Value < right.Value;

    public static bool operator >(MemberId left, MemberId right) => left.Value > right.Value;

    public static bool operator <=(MemberId left, MemberId right) => left.Value <= right.Value;

    public static bool operator >=(MemberId left, MemberId right) => left.Value >= right.Value;
}

/// <summary>Names a view: its number in the chain, and a nonce of the coordinator that announced it.</summary>
/// <param name="Epoch">1 for the first view; 0 means that none is installed.</param>
/// <param name="Nonce">Never reused, so that two coordinators cannot announce the same view.</param>
public readonly record struct ViewId(long Epoch, ulong Nonce)
{
    /// <summary>The state before any view.</summary>
    public static ViewId None => default;

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"view {Epoch}");
}
