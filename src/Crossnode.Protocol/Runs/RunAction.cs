using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>What happened to a coordinator.</summary>
public enum RunEventKind
{
    /// <summary>Time passed.</summary>
    Tick,

    /// <summary>A stream was opened; <see cref="RunEvent.Member"/> is from its preamble, the message is its HELLO.</summary>
    StreamOpened,

    /// <summary>A stream closed; the text says why, where that is known.</summary>
    StreamClosed,

    /// <summary>A message came on a stream.</summary>
    Message,

    /// <summary>The record of the last <see cref="RunActionKind.Store"/> is durable.</summary>
    Stored,

    /// <summary>It is not, or nobody knows; the text says why.</summary>
    StoreFailed,

    /// <summary>The store holds a record of a higher term, <see cref="RunEvent.Term"/>: another coordinator has taken over.</summary>
    StoreNewer,

    /// <summary>Whoever runs the coordinator says that <see cref="RunEvent.Member"/> is dead for sure.</summary>
    DeclaredDead,
}

/// <summary>One event. Streams are numbered by the shell; a number is never used again.</summary>
public readonly record struct RunEvent(
    RunEventKind Kind,
    long Stream = 0,
    MemberId Member = default,
    ControlMessage? Message = null,
    string? Text = null,
    ulong Term = 0);

/// <summary>What a coordinator's shell must do now, in this order.</summary>
public enum RunActionKind
{
    /// <summary>Send <see cref="RunAction.Message"/> on <see cref="RunAction.Stream"/>.</summary>
    Send,

    /// <summary>Close the stream once what was sent before has gone out.</summary>
    CloseStream,

    /// <summary>A view was decided; the messages that announce it follow. The text says why it differs from the one before.</summary>
    ViewAnnounced,

    /// <summary>A process that was not in the view before is in this one; the text says under which number.</summary>
    MemberJoined,

    /// <summary>A member was left out or left; the text says why.</summary>
    MemberGone,

    /// <summary>A newcomer was told something that whoever started it should know.</summary>
    Notice,

    /// <summary>A member said something for people.</summary>
    Note,

    /// <summary>All members have left.</summary>
    Finished,

    /// <summary>The run did not start, or nobody is left; the text says which.</summary>
    Failed,

    /// <summary>Something that people want to know.</summary>
    Log,

    /// <summary>
    /// Write <see cref="RunAction.Record"/> so that it survives the machine, if the store holds no higher term; answer with
    /// Stored, StoreFailed or StoreNewer. There is one at a time. Nothing else waits for it.
    /// </summary>
    Store,

    /// <summary>Look whether the store holds a higher term; answer with StoreNewer if it does.</summary>
    CheckStore,

    /// <summary>Something goes wrong that whoever runs this coordinator should see; the text says what to do.</summary>
    Trouble,

    /// <summary>Another coordinator serves this run: this one is over, the run is not.</summary>
    Deposed,

    /// <summary>The record was made again from what members hold: go on with <see cref="RunAction.Record"/>.</summary>
    Rebuilt,
}

/// <summary>One action. A message may be shared by several: nobody changes it.</summary>
public readonly record struct RunAction(
    RunActionKind Kind,
    long Stream = 0,
    MemberId Member = default,
    ControlMessage? Message = null,
    View? View = null,
    string? Text = null,
    RunRecord? Record = null);

/// <summary>Where a run stands.</summary>
public enum RunPhase
{
    /// <summary>The expected workers are coming.</summary>
    Forming,

    /// <summary>A view is announced, and nothing speaks against it.</summary>
    Stable,

    /// <summary>PREPARE is out; answers are coming.</summary>
    Preparing,

    /// <summary>All members have left.</summary>
    Finished,

    /// <summary>The run did not start, or is lost.</summary>
    Failed,

    /// <summary>The next view is decided; its record is being written.</summary>
    Storing,

    /// <summary>Another coordinator has taken over.</summary>
    Deposed,
}
