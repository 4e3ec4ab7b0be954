namespace Crossnode.Cli.Training;

/// <summary>A run of others that this launch joins.</summary>
/// <param name="Charter">What the run is about.</param>
/// <param name="TakesData">Whether its members give the data; else they are here.</param>
internal sealed record JoinedRun(RunCharter Charter, bool TakesData);
