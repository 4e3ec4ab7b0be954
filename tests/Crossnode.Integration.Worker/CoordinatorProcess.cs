using System.Globalization;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

internal static class CoordinatorProcess
{
    public static int Serve(string members, string evictAfterSeconds)
    {
        using var over = new ManualResetEventSlim();
        using var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = int.Parse(members, CultureInfo.InvariantCulture),
                Run = RunId.Create(new SystemRandomSource()),
                EvictAfter = TimeSpan.FromSeconds(double.Parse(evictAfterSeconds, CultureInfo.InvariantCulture)),
            },
            new TcpTransport(),
            news =>
            {
                Console.WriteLine($"{news.Kind} {news.Text}");
                if (news.Kind is RunNewsKind.Finished or RunNewsKind.Failed)
                {
                    over.Set();
                }
            });
        Console.WriteLine($"serves {coordinator.Address} {coordinator.Run}");
        over.Wait(TimeSpan.FromMinutes(5));
        return 0;
    }
}
