using Crossnode.Cli.Launching;
using Crossnode.Collectives.Sessions;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Cli.Training;

/// <summary>Asks a coordinator how a run stands, before anything is started for it.</summary>
internal static class RunDoor
{
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(0.5);

    /// <summary>Makes sure that nobody has begun the run.</summary>
    /// <exception cref="CrossnodeException">It has begun or ended, or no coordinator of it answers.</exception>
    public static void RequireNew(RemoteRun remote, TimeProvider time)
    {
        var status = Ask(remote, time, CancellationToken.None);
        if (status.HasStarted || status.Expected > 0)
        {
            throw new InputException(
                $"run {remote.Run} has begun already: crossnode join {LaunchTexts.Way(remote.Coordinator.ToString(), remote.Run, insecure: false)} takes part in it.");
        }
    }

    /// <summary>Waits until somebody has said what the run is about, and says it.</summary>
    /// <param name="remote">The run.</param>
    /// <param name="patience">How long that may take.</param>
    /// <param name="mustHaveMembers">Whether to wait for the first view as well: only members can give anything.</param>
    /// <param name="waiting">Called once, with how the run stands, when nobody has said it yet.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="CrossnodeException">The run has ended, nobody begins it in time, or no coordinator of it answers.</exception>
    public static async Task<RunStatus> WaitForCharterAsync(
        RemoteRun remote, TimeSpan patience, bool mustHaveMembers, Action<RunStatus> waiting, TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        for (var isFirst = true; ; isFirst = false)
        {
            var status = await Task.Run(() => Ask(remote, time, cancellationToken), cancellationToken);
            if (!status.Charter.IsEmpty && (status.HasStarted || !mustHaveMembers))
            {
                return status;
            }
            if (time.GetElapsedTime(started) > patience)
            {
                throw new DeadlineException(!status.Charter.IsEmpty
                    ? $"run {remote.Run} has no members yet, after {patience.TotalSeconds:0} s: join again once its first workers are there."
                    : status.HasStarted
                    ? $"run {remote.Run} has members, but is not one of crossnode train: start its program with crossnode run --coordinator {LaunchTexts.Way(remote.Coordinator.ToString(), remote.Run, insecure: false)} -- PROGRAM."
                    : $"nobody has begun run {remote.Run} within {patience.TotalSeconds:0} s: crossnode train --coordinator {LaunchTexts.Way(remote.Coordinator.ToString(), remote.Run, insecure: false)} does.");
            }
            if (isFirst)
            {
                waiting(status);
            }
            await Task.Delay(AskAgain, time, cancellationToken);
        }
    }

    private static RunStatus Ask(RemoteRun remote, TimeProvider time, CancellationToken cancellationToken)
    {
        var status = RunStatus.Ask(
            remote.Coordinator.ToString(), remote.Run, new TcpTransport(), AnswerTime, time, cancellationToken);
        return status.EndText.Length == 0
            ? status
            : throw new MembershipException($"run {remote.Run} is over: {status.EndText}. Start another one.");
    }
}
