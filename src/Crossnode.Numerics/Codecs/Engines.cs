using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>The engines of a codec, made once.</summary>
internal static class Engines<TCodec>
    where TCodec : struct, IBlockCodec
{
    public static readonly BlockEngine At512 = new BlockLoop<TCodec, Width512, Vector512<float>, Vector512<int>>();
    public static readonly BlockEngine At256 = new BlockLoop<TCodec, Width256, Vector256<float>, Vector256<int>>();
    public static readonly BlockEngine At128 = new BlockLoop<TCodec, Width128, Vector128<float>, Vector128<int>>();
}
