using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Crossnode.Numerics;

/// <summary>Vectors of 256 bits.</summary>
internal readonly unsafe struct Width256 : IWidth<Vector256<float>, Vector256<int>>
{
    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Create(float value) =>
        Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Create(int value) =>
        Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load<TFormat>(byte* address)
        where TFormat : struct, IElementFormat<float> =>
        TFormat.Load256(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TFormat>(byte* address, Vector256<float> value)
        where TFormat : struct, IElementFormat<float> =>
        TFormat.Store256<CachedStore>(address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadBytes(byte* address)
    {
        var bytes = Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(address)).AsByte();
        return Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(bytes)
            : Vector256.WidenLower(Vector128.WidenLower(bytes).ToVector256Unsafe()).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* address, Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d) =>
        Vector256.Narrow(Vector256.Narrow(a, b), Vector256.Narrow(c, d)).AsByte().Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> left, Vector256<float> right) =>
        left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> left, Vector256<float> right) =>
        left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> left, Vector256<float> right) =>
        left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Min(Vector256<float> left, Vector256<float> right) =>
        Vector256.MinNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> left, Vector256<float> right) =>
        Vector256.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AtLeast(Vector256<float> left, Vector256<float> right) =>
        Vector256.GreaterThanOrEqual(left, right).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Select(Vector256<int> mask, Vector256<float> whereSet, Vector256<float> elsewhere) =>
        Vector256.ConditionalSelect(mask.AsSingle(), whereSet, elsewhere);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> left, Vector256<int> right) =>
        left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> And(Vector256<int> left, Vector256<int> right) =>
        left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Or(Vector256<int> left, Vector256<int> right) =>
        left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Max(Vector256<int> left, Vector256<int> right) =>
        Vector256.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Above(Vector256<int> left, Vector256<int> right) =>
        Vector256.GreaterThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ShiftLeft(Vector256<int> value, int bits) =>
        value << bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ShiftRight(Vector256<int> value, int bits) =>
        value >>> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToFloat(Vector256<int> value) =>
        Vector256.ConvertToSingle(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Bits(Vector256<float> value) =>
        value.AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FromBits(Vector256<int> value) =>
        value.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignBits(Vector256<float> value) =>
        Vector256.ExtractMostSignificantBits(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> FromSignBits(uint bits)
    {
        var lanes = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        return Vector256.Equals(Vector256.Create((int)bits) & lanes, lanes) & Vector256.Create(int.MinValue);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LeastLane(Vector256<float> value) =>
        Width128.LeastLane(Width128.Min(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Vector256<float> value) =>
        Width128.GreatestLane(Width128.Max(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GreatestLane(Vector256<int> value) =>
        Width128.GreatestLane(Width128.Max(value.GetLower(), value.GetUpper()));

    public static void SumMagnitudes(double* sums, float* source, int count)
    {
        var s0 = Vector256<double>.Zero;
        var s1 = Vector256<double>.Zero;
        var s2 = Vector256<double>.Zero;
        var s3 = Vector256<double>.Zero;
        for (var i = 0; i < count; i += 16)
        {
            var m0 = Vector256.Abs(Vector256.Load(source + i));
            s0 += Vector256.WidenLower(m0);
            s1 += Vector256.WidenUpper(m0);
            var m1 = Vector256.Abs(Vector256.Load(source + i + 8));
            s2 += Vector256.WidenLower(m1);
            s3 += Vector256.WidenUpper(m1);
        }

        s0.Store(sums);
        s1.Store(sums + 4);
        s2.Store(sums + 8);
        s3.Store(sums + 12);
    }
}
