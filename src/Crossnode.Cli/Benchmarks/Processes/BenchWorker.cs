using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Cli.Benchmarks.Results;
using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>One rank: waits for an order, times operations of which each begins after a barrier, checks the result.</summary>
internal sealed unsafe class BenchWorker : IDisposable
{
    /// <summary>A machine that is overloaded makes numbers worse, but ends no run.</summary>
    public static readonly TimeSpan EvictAfter = TimeSpan.FromSeconds(60);

    // Barriers between operations have a tag of their own.
    private const uint OperationTag = 1;
    private const uint BestEffortTag = 2;

    private readonly TimeProvider _time = TimeProvider.System;
    private readonly BenchMemory _memory = new();
    private readonly Session _session;
    private readonly int _rank;

    private BenchWorker(BenchWorkerPlan plan)
    {
        _rank = plan.Rank;
        var control = plan.CongestionControl == BenchConfiguration.System ? null : new TcpOptions().LoopbackCongestionControl;
        _session = Session.Join(
            new SessionOptions
            {
                Run = RunId.TryParse(plan.Run, out var run) ? run : throw new UsageException($"'{plan.Run}' is no run."),
                Coordinator = plan.Coordinator,
                Self = new MemberId((uint)plan.Rank),
                Incarnation = new SystemRandomSource().NextUInt64(),
                EvictAfter = EvictAfter,
                SharedMemory = plan.Link == BenchConfiguration.SharedMemory,
            },
            new TcpTransport(new TcpOptions { LoopbackCongestionControl = control }));
    }

    /// <summary>Serves orders until told to stop, or until nobody is there any more to give them.</summary>
    public static void Run(TextReader input, TextWriter output)
    {
        using var worker = new BenchWorker(BenchWorkerPlan.Parse(input.ReadLine()));
        Say(output, BenchReply.ReadyLine(worker._rank, Environment.ProcessId));
        while (input.ReadLine() is { } line && BenchOrder.Parse(line) is { } order)
        {
            Say(output, worker.Round(order).ToLine());
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _session.Dispose();
        _memory.Dispose();
    }

    private static void Say(TextWriter output, string line)
    {
        output.WriteLine(line);
        output.Flush();
    }

    private BenchReply Round(BenchOrder order)
    {
        var (operation, type) = (order.Operation, order.Type);
        var (count, codec) = (order.Bytes / type.Size(), BenchCodecs.Named(order.Codec));
        var world = _session.View.WorldSize;
        _memory.Take(order.Bytes);
        var (before, after) = (operation.Before(world, _rank, count), operation.After(world, _rank, count));
        var (brought, gotten) = (before.Sum(stretch => stretch.Count), after.Sum(stretch => stretch.Count));
        var source = order.InPlace ? InPlace(brought, gotten, type) : _memory.Source;
        var target = order.InPlace ? InPlace(gotten, brought, type) : _memory.Target;
        Pattern.Fill(source, type, before);
        var call = new OperationCall(world, _rank, count, Buffer(source, type, brought), Buffer(target, type, gotten), codec);
        var isBestEffort = order.Commit == BenchConfiguration.BestEffort;
        var options = new OperationOptions
        {
            Tag = isBestEffort ? BestEffortTag : OperationTag, BestEffort = isBestEffort, Algorithm = BenchAlgorithms.Named(order.Algorithm),
        };
        var seconds = new double[order.Iterations];
        long allocated = 0;
        var cpuBefore = Environment.CpuUsage.TotalTime;
        for (var index = 0; index < seconds.Length; index++)
        {
            if (order.InPlace && index > 0)
            {
                Pattern.Fill(source, type, before);
            }
            _session.Run(new OperationGroup()).ThrowIfFailed();
            var allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
            var start = _time.GetTimestamp();
            _session.Run(operation.Build(call), options).ThrowIfFailed();
            seconds[index] = _time.GetElapsedTime(start).TotalSeconds;
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        }
        var cpu = (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds / seconds.Length;
        if (codec == Codec.None ? !Pattern.IsIn(target, type, after) : !CodecTolerance.Of(codec, world).Holds((float*)target, after))
        {
            throw new BenchException($"rank {_rank} holds a wrong result of {operation.Name} of {order.Bytes} bytes: this is a bug in crossnode.");
        }
        return new BenchReply(_rank, Statistics.Median(seconds), allocated, cpu);
    }

    // Of two buffers in one memory the smaller is this rank's block of the larger.
    private byte* InPlace(long count, long other, ElementType type) => _memory.Target + (count < other ? count * type.Size() * _rank : 0);

    private static TensorBuffer Buffer(byte* memory, ElementType type, long count) =>
        count == 0 ? default : TensorBuffer.FromPointer(memory, type, count);
}
