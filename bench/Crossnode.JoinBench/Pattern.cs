namespace Crossnode.JoinBench;

/// <summary>The numbers that training consists of here: functions of element, member and step.</summary>
internal static class Pattern
{
    /// <summary>An element of the fixed pattern, above 0 and at most 1, exact in 32 bits.</summary>
    public static float Of(long element) => ((element * 40503 % 1021) + 4) / 1024f;

    /// <summary>An element's first value.</summary>
    public static float Start(long element) => ((element * 7919 % 997) - 498) / 512f;

    /// <summary>By what the pattern is multiplied: from -1 to 1, of mean 0, exact in 32 bits.</summary>
    public static float Factor(uint member, long step)
    {
        var mixed = (((ulong)step * 0x9E3779B97F4A7C15UL) ^ ((member + 1) * 0xC2B2AE3D27D4EB4FUL)) * 0xBF58476D1CE4E5B9UL;
        return ((int)(mixed >> 55) - 255.5f) / 256;
    }
}
