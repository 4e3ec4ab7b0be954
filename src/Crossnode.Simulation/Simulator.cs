using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation;

/// <summary>Runs a whole cluster from one seed, in one thread and in virtual time.</summary>
/// <remarks>The product's engines and run machine on a virtual network: nothing of the protocol is modelled twice.</remarks>
public static class Simulator
{
    /// <summary>Runs one schedule. The same options give the same result, on any machine.</summary>
    public static SimulationResult Run(SimulationOptions options)
    {
        using var arena = new Arena();
        return Run(options, arena);
    }

    internal static SimulationResult Run(SimulationOptions options, Arena arena)
    {
        ArgumentNullException.ThrowIfNull(options);
        arena.Reset();
        return new Cluster(options, ScheduleGenerator.Make(options.Seed), arena).Run();
    }
}
