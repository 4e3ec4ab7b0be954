using Crossnode.Core;
using Crossnode.Protocol.Control;
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
}

/// <summary>One event. Streams are numbered by the shell; a number is never used again.</summary>
public readonly record struct RunEvent(
    RunEventKind Kind,
    long Stream = 0,
    MemberId Member = default,
    ControlMessage? Message = null,
    string? Text = null);

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
}

/// <summary>One action. A message may be shared by several: nobody changes it.</summary>
public readonly record struct RunAction(
    RunActionKind Kind,
    long Stream = 0,
    MemberId Member = default,
    ControlMessage? Message = null,
    View? View = null,
    string? Text = null);

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
}
