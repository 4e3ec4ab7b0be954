using Crossnode.Collectives;
using Crossnode.Collectives.Launching;
using Crossnode.Core;

// A program that tests start under crossnode run. It sums ones with the other workers again and again, and prints how many
// they were whenever that changes, until the file that its only argument names exists for some of them.
// It catches nothing.
using var run = CrossnodeRun.Join();
float members = 0;
while (true)
{
    float[] values = [1, File.Exists(args[0]) ? 1 : 0];
    var buffer = TensorBuffer.From(values.AsMemory());
    run.Run(new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum)).ThrowIfFailed();
    if (values[0] != members)
    {
        members = values[0];
        Console.WriteLine($"members {members}");
    }

    if (values[1] > 0)
    {
        Console.WriteLine("done");
        return 0;
    }
}
