using Crossnode.Core;

namespace Crossnode.Numerics.Tests;

internal enum Kernel
{
    Sum,
    Average,
    Min,
    Max,
    Product,
    CombineScaled,
    Scale,
    Divide,
}

internal unsafe delegate void KernelCall(
    ElementType type, void* target, void* left, void* right, double factor, long count);

/// <summary>The ways to call one kernel. Scale reads the right operand alone, and Divide its target alone.</summary>
internal static unsafe class KernelCalls
{
    public static bool Takes(this Kernel kernel, ElementType type) => type.IsFloat() || kernel switch
    {
        Kernel.Sum or Kernel.Min or Kernel.Max or Kernel.Product => true,
        _ => false,
    };

    public static KernelCall Scalar(this Kernel kernel) => kernel switch
    {
        Kernel.CombineScaled => ScalarKernels.CombineScaled,
        Kernel.Scale => (t, to, _, b, f, n) => ScalarKernels.Scale(t, to, b, f, n),
        Kernel.Divide => (t, to, _, _, f, n) => ScalarKernels.Divide(t, to, f, n),
        _ => (t, to, a, b, _, n) => ScalarKernels.Combine(Operator(kernel), t, to, a, b, n),
    };

    public static KernelCall Public(this Kernel kernel, bool streaming = false) => kernel switch
    {
        Kernel.CombineScaled => (t, to, a, b, f, n) => ReduceKernels.CombineScaled(t, to, a, b, f, n, streaming),
        Kernel.Scale => (t, to, _, b, f, n) => ReduceKernels.Scale(t, to, b, f, n, streaming),
        Kernel.Divide => (t, to, _, _, f, n) => ReduceKernels.Divide(t, to, f, n),
        _ => (t, to, a, b, _, n) => ReduceKernels.Combine(Operator(kernel), t, to, a, b, n, streaming),
    };

    public static KernelCall AtWidth(this Kernel kernel, int bits, bool streaming = false) => kernel switch
    {
        Kernel.CombineScaled => (t, to, a, b, f, n) =>
            KernelDispatch.Run<AddScaledOperation>(t, to, a, b, f, n, bits, streaming),
        Kernel.Scale => (t, to, _, b, f, n) => KernelDispatch.Run<ScaleOperation>(t, to, b, b, f, n, bits, streaming),
        Kernel.Divide => (t, to, _, _, f, n) => KernelDispatch.Run<DivideOperation>(t, to, to, to, f, n, bits, streaming),
        _ => (t, to, a, b, _, n) => ReduceKernels.Combine(Operator(kernel), t, to, a, b, n, bits, streaming),
    };

    private static ReduceOperator Operator(Kernel kernel) => Enum.Parse<ReduceOperator>(kernel.ToString());
}
