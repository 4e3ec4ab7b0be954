using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Members;

/// <summary>What a member's shell must do now, in this order.</summary>
public enum MemberActionKind
{
    /// <summary>Send <see cref="MemberAction.Message"/> on the control stream; dropped when there is none.</summary>
    SendControl,

    /// <summary>
    /// Open a new control stream to the coordinator, at the address with the index <see cref="MemberAction.Rank"/>; answer with
    /// ControlUp or ControlDown.
    /// </summary>
    ConnectControl,

    /// <summary>Close the control stream.</summary>
    CloseControl,

    /// <summary>Install <see cref="MemberAction.View"/>: open a link to each neighbour (see <see cref="View.Dials"/>).</summary>
    Install,

    /// <summary>Stop moving data: send FROZEN on every open link as the last frame, then close it.</summary>
    Freeze,

    /// <summary>Close the link to <see cref="MemberAction.Rank"/>; nothing more is read from it.</summary>
    CloseLink,

    /// <summary>Send a sign of life to <see cref="MemberAction.Rank"/>.</summary>
    SendHeartbeat,

    /// <summary>Send a barrier token to <see cref="MemberAction.Rank"/>.</summary>
    SendToken,

    /// <summary>Start (again) to move the data of an operation in the installed view.</summary>
    StartOperation,

    /// <summary>The operation has committed: publish its result and tell the caller.</summary>
    Commit,

    /// <summary>The operation is dead: restore its input and tell the caller <see cref="MemberAction.Text"/>.</summary>
    Abort,

    /// <summary>This process is out of the run: fail what is pending as unknown, close everything.</summary>
    End,

    /// <summary>Find out whether the process in <see cref="MemberAction.Message"/> can be dialled, and answer with a ProbeResult.</summary>
    Probe,

    /// <summary>Whoever started this process should know <see cref="MemberAction.Text"/>: the coordinator says it, or is away.</summary>
    Notice,

    /// <summary>Something that people want to know.</summary>
    Log,
}

/// <summary>One action.</summary>
public readonly record struct MemberAction(
    MemberActionKind Kind,
    int Rank = -1,
    uint Tag = 0,
    long Sequence = 0,
    int Round = 0,
    ErrorKind Error = default,
    string? Text = null,
    View? View = null,
    ControlMessage? Message = null);

/// <summary>What happened to a member.</summary>
public enum MemberEventKind
{
    /// <summary>Time passed.</summary>
    Tick,

    /// <summary>The control stream is open.</summary>
    ControlUp,

    /// <summary>The control stream is closed, or could not be opened; the text says why.</summary>
    ControlDown,

    /// <summary>A message came on the control stream.</summary>
    Control,

    /// <summary>The link to a rank of the installed view is open.</summary>
    LinkUp,

    /// <summary>The link to a rank closed without FROZEN, or could not be opened.</summary>
    LinkDown,

    /// <summary>The peer froze the view: FROZEN came, the link is over in an orderly way.</summary>
    LinkFrozen,

    /// <summary>A barrier token came.</summary>
    Token,

    /// <summary>All of the result's bytes are here.</summary>
    DataComplete,

    /// <summary>This member gives the operation up: cancelled, too late, or mismatched.</summary>
    Condemn,

    /// <summary>The caller is ready to be admitted to a run that has started.</summary>
    Ready,

    /// <summary>The caller wants to leave the run.</summary>
    Leave,
}

/// <summary>One event.</summary>
public readonly record struct MemberEvent(
    MemberEventKind Kind,
    int Rank = -1,
    uint Tag = 0,
    long Sequence = 0,
    int Round = 0,
    ErrorKind Error = default,
    string? Text = null,
    ControlMessage? Message = null);
