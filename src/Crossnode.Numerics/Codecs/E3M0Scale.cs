namespace Crossnode.Numerics;

/// <summary>How <see cref="E3M0Codec"/> divides by scales whose inverse is no normal binary32.</summary>
internal static class E3M0Scale
{
    private const float Large = 1.2676506002282294e30f;
    private const float Small = 1 / Large;

    /// <summary>What brings the scale to where it has an inverse; small elements that vanish count as 0 anyway.</summary>
    public static float Prescale(float scale) => scale > Large ? Small : scale is > 0 and < Small ? Large : 1;

    /// <summary>The inverse of the prescaled scale.</summary>
    public static float Inverse(float scale) => scale == 0 ? 0 : (float)(1 / ((double)scale * Prescale(scale)));
}
