using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Crossnode.Numerics;

/// <summary>Vectors of 512 bits.</summary>
internal readonly unsafe struct Width512 : IWidth<Vector512<float>, Vector512<int>>
{
    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Create(float value) =>
        Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Create(int value) =>
        Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<TFormat>(byte* address)
        where TFormat : struct, IElementFormat<float> =>
        TFormat.Load512(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TFormat>(byte* address, Vector512<float> value)
        where TFormat : struct, IElementFormat<float> =>
        TFormat.Store512<CachedStore>(address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadBytes(byte* address)
    {
        var bytes = Vector128.Load(address);
        return Avx512F.IsSupported
            ? Avx512F.ConvertToVector512Int32(bytes)
            : Vector512.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).ToVector512Unsafe()).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* address, Vector512<int> a, Vector512<int> b, Vector512<int> c, Vector512<int> d) =>
        Vector512.Narrow(Vector512.Narrow(a, b), Vector512.Narrow(c, d)).AsByte().Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> left, Vector512<float> right) =>
        left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> left, Vector512<float> right) =>
        left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> left, Vector512<float> right) =>
        left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Min(Vector512<float> left, Vector512<float> right) =>
        Vector512.MinNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> left, Vector512<float> right) =>
        Vector512.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AtLeast(Vector512<float> left, Vector512<float> right) =>
        Vector512.GreaterThanOrEqual(left, right).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Select(Vector512<int> mask, Vector512<float> whereSet, Vector512<float> elsewhere) =>
        Vector512.ConditionalSelect(mask.AsSingle(), whereSet, elsewhere);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> left, Vector512<int> right) =>
        left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> And(Vector512<int> left, Vector512<int> right) =>
        left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Or(Vector512<int> left, Vector512<int> right) =>
        left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Max(Vector512<int> left, Vector512<int> right) =>
        Vector512.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Above(Vector512<int> left, Vector512<int> right) =>
        Vector512.GreaterThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ShiftLeft(Vector512<int> value, int bits) =>
        value << bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ShiftRight(Vector512<int> value, int bits) =>
        value >>> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToFloat(Vector512<int> value) =>
        Vector512.ConvertToSingle(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Bits(Vector512<float> value) =>
        value.AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FromBits(Vector512<int> value) =>
        value.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignBits(Vector512<float> value) =>
        (uint)Vector512.ExtractMostSignificantBits(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> FromSignBits(uint bits)
    {
        var lanes = Vector512.Create(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);
        return Vector512.Equals(Vector512.Create((int)bits) & lanes, lanes) & Vector512.Create(int.MinValue);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LeastLane(Vector512<float> value) =>
        Width256.LeastLane(Width256.Min(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Vector512<float> value) =>
        Width256.GreatestLane(Width256.Max(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GreatestLane(Vector512<int> value) =>
        Width256.GreatestLane(Width256.Max(value.GetLower(), value.GetUpper()));

    public static void SumMagnitudes(double* sums, float* source, int count)
    {
        var s0 = Vector512<double>.Zero;
        var s1 = Vector512<double>.Zero;
        for (var i = 0; i < count; i += 16)
        {
            var m0 = Vector512.Abs(Vector512.Load(source + i));
            s0 += Vector512.WidenLower(m0);
            s1 += Vector512.WidenUpper(m0);
        }

        s0.Store(sums);
        s1.Store(sums + 8);
    }
}
