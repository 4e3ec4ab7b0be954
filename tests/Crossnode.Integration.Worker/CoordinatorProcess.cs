using System.Globalization;
using Crossnode.Coordinator;
using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Transport;

internal static class CoordinatorProcess
{
    // Without a folder the run is a new one, and ends with this process.
    public static int Serve(string members, string evictAfterSeconds) => Serve(RunId.Create(new SystemRandomSource()), members, evictAfterSeconds, 0, null);

    public static int Serve(string run, string members, string evictAfterSeconds, string port, string folder)
    {
        if (!RunId.TryParse(run, out var id))
        {
            throw new ArgumentException($"run id {run}");
        }

        return Serve(id, members, evictAfterSeconds, int.Parse(port, CultureInfo.InvariantCulture), FileViewStore.Open(folder, id));
    }

    private static int Serve(RunId run, string members, string evictAfterSeconds, int port, IViewStore? store)
    {
        using var over = new ManualResetEventSlim();
        using var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = int.Parse(members, CultureInfo.InvariantCulture),
                Run = run,
                Ports = new PortRange(port, port),
                Store = store,
                EvictAfter = TimeSpan.FromSeconds(double.Parse(evictAfterSeconds, CultureInfo.InvariantCulture)),
            },
            new TcpTransport(),
            news =>
            {
                Console.WriteLine($"{news.Kind} {news.Text}");
                if (news.Kind is RunNewsKind.Finished or RunNewsKind.Failed or RunNewsKind.Deposed)
                {
                    over.Set();
                }
            });
        Console.WriteLine($"serves {coordinator.Address} {coordinator.Run}");
        over.Wait(TimeSpan.FromMinutes(5));
        return 0;
    }
}
