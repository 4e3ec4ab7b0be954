using Crossnode.Collectives;
using Crossnode.Collectives.Launching;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Transport;

// A program that tests start under crossnode run. It sums ones with the other workers again and again, and prints how many
// they were whenever that changes, until the file that its only argument names exists for some of them.
var launch = LaunchEnvironment.Read();
using var watch = LauncherWatch.StartExiting(launch.Launcher!.Value);
using var session = Session.Join(
    new SessionOptions
    {
        Run = launch.Run,
        Coordinator = launch.Coordinator.ToString(),
        Self = launch.Worker,
        Incarnation = new SystemRandomSource().NextUInt64(),
    },
    new TcpTransport());
float members = 0;
while (true)
{
    float[] values = [1, File.Exists(args[0]) ? 1 : 0];
    var buffer = TensorBuffer.From(values.AsMemory());
    session.Run(new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum)).ThrowIfFailed();
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
