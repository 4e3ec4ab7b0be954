using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Vectors of 128 bits.</summary>
internal readonly unsafe struct Width128 : IWidth<Vector128<float>, Vector128<int>>
{
    public static int Count => Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Create(float value) =>
        Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Create(int value) =>
        Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load<TFormat>(byte* address)
        where TFormat : struct, IElementFormat<float> =>
        TFormat.Load128(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TFormat>(byte* address, Vector128<float> value)
        where TFormat : struct, IElementFormat<float> =>
        TFormat.Store128<CachedStore>(address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadBytes(byte* address) =>
        Vector128.WidenLower(
            Vector128.WidenLower(Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(address)).AsByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* address, Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) =>
        Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d)).AsByte().Store(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> left, Vector128<float> right) =>
        left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Subtract(Vector128<float> left, Vector128<float> right) =>
        left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> left, Vector128<float> right) =>
        left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Min(Vector128<float> left, Vector128<float> right) =>
        Vector128.MinNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Max(Vector128<float> left, Vector128<float> right) =>
        Vector128.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> AtLeast(Vector128<float> left, Vector128<float> right) =>
        Vector128.GreaterThanOrEqual(left, right).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Select(Vector128<int> mask, Vector128<float> whereSet, Vector128<float> elsewhere) =>
        Vector128.ConditionalSelect(mask.AsSingle(), whereSet, elsewhere);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Add(Vector128<int> left, Vector128<int> right) =>
        left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> And(Vector128<int> left, Vector128<int> right) =>
        left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Or(Vector128<int> left, Vector128<int> right) =>
        left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Max(Vector128<int> left, Vector128<int> right) =>
        Vector128.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Above(Vector128<int> left, Vector128<int> right) =>
        Vector128.GreaterThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ShiftLeft(Vector128<int> value, int bits) =>
        value << bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ShiftRight(Vector128<int> value, int bits) =>
        value >>> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ToFloat(Vector128<int> value) =>
        Vector128.ConvertToSingle(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Bits(Vector128<float> value) =>
        value.AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FromBits(Vector128<int> value) =>
        value.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SignBits(Vector128<float> value) =>
        Vector128.ExtractMostSignificantBits(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> FromSignBits(uint bits)
    {
        var lanes = Vector128.Create(1, 2, 4, 8);
        return Vector128.Equals(Vector128.Create((int)bits) & lanes, lanes) & Vector128.Create(int.MinValue);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LeastLane(Vector128<float> value)
    {
        value = Min(value, Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1)));
        return Min(value, Vector128.Shuffle(value, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float GreatestLane(Vector128<float> value)
    {
        value = Max(value, Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1)));
        return Max(value, Vector128.Shuffle(value, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GreatestLane(Vector128<int> value)
    {
        value = Max(value, Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1)));
        return Max(value, Vector128.Shuffle(value, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    public static void SumMagnitudes(double* sums, float* source, int count)
    {
        var s0 = Vector128<double>.Zero;
        var s1 = Vector128<double>.Zero;
        var s2 = Vector128<double>.Zero;
        var s3 = Vector128<double>.Zero;
        var s4 = Vector128<double>.Zero;
        var s5 = Vector128<double>.Zero;
        var s6 = Vector128<double>.Zero;
        var s7 = Vector128<double>.Zero;
        for (var i = 0; i < count; i += 16)
        {
            var m0 = Vector128.Abs(Vector128.Load(source + i));
            s0 += Vector128.WidenLower(m0);
            s1 += Vector128.WidenUpper(m0);
            var m1 = Vector128.Abs(Vector128.Load(source + i + 4));
            s2 += Vector128.WidenLower(m1);
            s3 += Vector128.WidenUpper(m1);
            var m2 = Vector128.Abs(Vector128.Load(source + i + 8));
            s4 += Vector128.WidenLower(m2);
            s5 += Vector128.WidenUpper(m2);
            var m3 = Vector128.Abs(Vector128.Load(source + i + 12));
            s6 += Vector128.WidenLower(m3);
            s7 += Vector128.WidenUpper(m3);
        }

        s0.Store(sums);
        s1.Store(sums + 2);
        s2.Store(sums + 4);
        s3.Store(sums + 6);
        s4.Store(sums + 8);
        s5.Store(sums + 10);
        s6.Store(sums + 12);
        s7.Store(sums + 14);
    }
}
