using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.Sessions;

/// <summary>How a run stands, as its coordinator says without admitting anybody.</summary>
/// <param name="HasStarted">Whether the first view was announced: who comes now is a newcomer.</param>
/// <param name="Members">How many members it has.</param>
/// <param name="Expected">How many make the first view; 0 when nobody has said it yet.</param>
/// <param name="Charter">What the run is about, in the words of its programs; empty when nobody has said it yet.</param>
/// <param name="EndText">How it ended; empty while it lasts.</param>
public sealed record RunStatus(bool HasStarted, int Members, int Expected, ReadOnlyMemory<byte> Charter, string EndText)
{
    /// <summary>Asks a coordinator.</summary>
    /// <param name="coordinator">HOST:PORT.</param>
    /// <param name="run">The run.</param>
    /// <param name="transport">How it is reached.</param>
    /// <param name="deadline">How long it may take.</param>
    /// <param name="time">The clock; null takes the system's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InputException">The address cannot be understood.</exception>
    /// <exception cref="MembershipException">What answers is no coordinator of this run.</exception>
    /// <exception cref="DeadlineException">Nobody answers, or what listens says nothing; the text names the address.</exception>
    public static RunStatus Ask(
        string coordinator,
        RunId run,
        ITransport transport,
        TimeSpan deadline,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        var clock = time ?? TimeProvider.System;
        var started = clock.GetTimestamp();
        using var poller = transport.CreatePoller();
        using var registration = cancellationToken.UnsafeRegister(static waiting => ((Poller)waiting!).Wake(), poller);
        var ours = new Preamble { Run = run, Member = MemberId.Unassigned, Purpose = StreamPurpose.Control };
        using var link = new ControlLink(transport.Connect(coordinator), ours);
        RunStatus? answer = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var alive = link.Drive(
                () => link.Send(new ControlMessage { Hello = new Hello { Observes = true } }),
                message => answer ??= Read(message),
                out var moved);
            if (answer is not null)
            {
                return answer;
            }

            var left = deadline - clock.GetElapsedTime(started);
            if (!alive)
            {
                throw link.IsRefused ? new MembershipException($"{coordinator} does not lead into the run: {link.Failure}")
                    : link.IsForeign ? new MembershipException($"what listens at {coordinator} is no coordinator: {link.Failure}; check the address")
                    : new DeadlineException($"no coordinator answers at {coordinator} ({link.Failure}); is it running, and is the address right?");
            }

            if (left <= TimeSpan.Zero)
            {
                // A coordinator whose process stands still is as mute as a server of something else.
                throw new DeadlineException(link.Frames is not null
                    ? $"something accepts connections at {coordinator}, but has not answered as a coordinator within {deadline.TotalSeconds:0.#} s; is the address right, and does the coordinator's process stand still?"
                    : $"no coordinator answered at {coordinator} within {deadline.TotalSeconds:0.#} s; is it running, and is the address right?");
            }

            if (!moved)
            {
                Watch(poller, link);
                poller.Wait(left);
            }
        }
    }

    private static RunStatus? Read(ControlMessage message) => message.BodyCase switch
    {
        ControlMessage.BodyOneofCase.Status => new RunStatus(
            message.Status.Started,
            (int)message.Status.Members,
            (int)message.Status.Expected,
            message.Status.Charter.Memory,
            message.Status.Text),
        _ => null,
    };

    private static void Watch(Poller poller, ControlLink link)
    {
        if (link.Frames is { } frames)
        {
            poller.Watch(frames.Connection, read: true, write: frames.HasPending);
        }
        else if (link.Pending is { } pending)
        {
            poller.Watch(pending);
        }
    }
}
