using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>What the bytes of a block of <see cref="Int8Codec"/> count from, and in which steps.</summary>
internal readonly unsafe record struct Int8Scale(float Least, float Step)
{
    // 2^126, and a part of it that outweighs the roundings of a decoded value.
    private const double Large = 8.507059173023462e37;
    private const double Shortfall = 1.0 / (1 << 20);
    private const float SmallestNormal = 1.17549435e-38f;

    // Steps beyond 2^119 span more than a binary32 can tell: halves are computed with.
    private const float Wide = 6.6461399789245794e35f;

    // Steps below 2^-100 may have no inverse in binary32.
    private const float Narrow = 7.8886090522101181e-31f;
    private const float TowardsOne = 1.2676506002282294e30f;

    /// <summary>The block holds a NaN or an infinity, and decodes to NaN.</summary>
    public static Int8Scale Invalid => new(float.NaN, 0);

    /// <summary>What keeps differences finite when they are decoded.</summary>
    public float Half => Step > Wide ? 0.5f : 1;

    /// <summary>What brings values and their inverse to where binary32 is exact.</summary>
    public float Prescale => Step is > 0 and < Narrow ? TowardsOne : Half;

    /// <summary>Steps in a difference of one, once it is prescaled.</summary>
    public float Inverse => Step == 0 ? 0 : (float)(1 / ((double)Step * Prescale));

    /// <summary>The scale from the least to the greatest value, both finite.</summary>
    public static Int8Scale Of(float least, float greatest)
    {
        var step = ((double)greatest - least) / byte.MaxValue;
        if (Math.Max(Math.Abs((double)least), Math.Abs((double)greatest)) >= Large)
        {
            // The last step must not round to an infinity.
            step *= 1 - Shortfall;
        }
        else if (step < SmallestNormal)
        {
            // Subnormal steps are whole ones, or many together would fall short.
            step = Math.Ceiling(step / float.Epsilon) * float.Epsilon;
        }

        // Adding 0 makes -0 of it 0: which of the two is the lesser depends on the order of comparisons.
        return new(least + 0f, (float)step);
    }

    public static Int8Scale Read(byte* encoded) =>
        new(Unsafe.ReadUnaligned<float>(encoded), Unsafe.ReadUnaligned<float>(encoded + sizeof(float)));

    public void Write(byte* encoded)
    {
        Unsafe.WriteUnaligned(encoded, Least);
        Unsafe.WriteUnaligned(encoded + sizeof(float), Step);
    }
}
