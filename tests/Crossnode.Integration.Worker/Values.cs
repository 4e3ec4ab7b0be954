/// <summary>What members bring.</summary>
internal static class Values
{
    /// <summary>Small integers: their sums are exact in f32, in any order.</summary>
    public static float Of(uint member, int number, int index) => ((member + 1) * 31) + (number * 7 % 1009) + (index % 127);
}
