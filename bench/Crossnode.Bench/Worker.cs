using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Bench;

/// <summary>One member of the benchmark: waits for a line, times some operations, prints the median in seconds.</summary>
internal static unsafe class Worker
{
    public static int Run(string[] args)
    {
        var run = RunId.TryParse(args[1], out var id) ? id : throw new ArgumentException(args[1]);
        var self = uint.Parse(args[2], CultureInfo.InvariantCulture);
        var count = long.Parse(args[3], CultureInfo.InvariantCulture);
        var iterations = int.Parse(args[4], CultureInfo.InvariantCulture);
        var inPlace = args[5] == "in";
        var source = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(count * 4, 64), 64);
        var target = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(count * 4, 64), 64);
        using var session = Session.Join(
            new SessionOptions
            {
                Run = run,
                Coordinator = args[0],
                Self = new MemberId(self),
                Incarnation = new SystemRandomSource().NextUInt64(),
            },
            new TcpTransport());
        Fill(source, count, self + 1);
        Console.WriteLine("ready");
        while (Console.ReadLine() is not null)
        {
            var times = new double[iterations];
            long allocated = 0;
            for (var index = 0; index < iterations; index++)
            {
                if (inPlace)
                {
                    Fill(target, count, self + 1);
                }

                session.Run(new OperationGroup());
                var before = GC.GetAllocatedBytesForCurrentThread();
                var start = Stopwatch.GetTimestamp();
                var input = TensorBuffer.FromPointer(inPlace ? target : source, ElementType.Float32, count);
                session.Run(new OperationGroup().AllReduce(
                    input, TensorBuffer.FromPointer(target, ElementType.Float32, count), ReduceOperator.Sum)).ThrowIfFailed();
                times[index] = Stopwatch.GetElapsedTime(start).TotalSeconds;
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            Check(target, count, session.View.WorldSize);
            Array.Sort(times);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times[iterations / 2]} {allocated}"));
        }

        return 0;
    }

    private static void Fill(float* values, long count, float value)
    {
        for (long index = 0; index < count; index++)
        {
            values[index] = value;
        }
    }

    private static void Check(float* values, long count, int world)
    {
        var expected = world * (world + 1) / 2f;
        for (long index = 0; index < count; index++)
        {
            if (values[index] != expected)
            {
                throw new InvalidOperationException($"element {index} is {values[index]}, expected {expected}");
            }
        }
    }
}
