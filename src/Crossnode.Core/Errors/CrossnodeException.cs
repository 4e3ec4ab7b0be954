namespace Crossnode.Core.Errors;

/// <summary>Stable numbers of the failures that come from outside the calling code; listed in docs/reference/errors.md.</summary>
public enum ErrorKind
{
    /// <summary>A link or a stream could not be opened, or broke.</summary>
    Link = 1,

    /// <summary>The other side broke the rules of the protocol, or speaks another version.</summary>
    Protocol = 2,

    /// <summary>This member is not, or is no longer, part of the run.</summary>
    Membership = 3,

    /// <summary>Members called different operations under the same number.</summary>
    Mismatch = 4,

    /// <summary>A deadline passed; the text names the phase and whom it waited for.</summary>
    Deadline = 5,

    /// <summary>The operation may or may not have happened elsewhere.</summary>
    OutcomeUnknown = 6,

    /// <summary>The operation was cancelled by another member.</summary>
    Cancelled = 7,

    /// <summary>The total weight of an average was 0.</summary>
    ZeroWeight = 8,

    /// <summary>Input from outside (configuration, corpus, checkpoint) cannot be used.</summary>
    Input = 9,

    /// <summary>A number in training stopped being finite.</summary>
    NotFinite = 10,
}

/// <summary>A failure of the environment: a peer, a network, a file. The message says what, with whom and what to do.</summary>
public abstract class CrossnodeException(ErrorKind kind, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The stable number.</summary>
    public ErrorKind Kind { get; } = kind;
}

/// <summary>A link or a stream could not be opened, or broke.</summary>
public sealed class LinkException(string message, Exception? inner = null)
    : CrossnodeException(ErrorKind.Link, message, inner);

/// <summary>The other side broke the rules; its link is closed and never retried.</summary>
public sealed class ProtocolException(string message) : CrossnodeException(ErrorKind.Protocol, message);

/// <summary>This member is not, or is no longer, part of the run.</summary>
public sealed class MembershipException(string message) : CrossnodeException(ErrorKind.Membership, message);

/// <summary>An operation did not commit. The text says why, and names the members that caused it.</summary>
/// <remarks>The input of the operation is as it was before the call, unless the kind is <see cref="ErrorKind.OutcomeUnknown"/>
/// on another member: there it may have committed.</remarks>
public sealed class OperationException(ErrorKind kind, string message) : CrossnodeException(kind, message);

/// <summary>A deadline passed.</summary>
public sealed class DeadlineException(string message) : CrossnodeException(ErrorKind.Deadline, message);

/// <summary>Input from outside cannot be used: a flag, a file, a key. The text says which and what to do.</summary>
public sealed class InputException(string message, Exception? inner = null)
    : CrossnodeException(ErrorKind.Input, message, inner);

/// <summary>A loss or a gradient stopped being finite.</summary>
public sealed class NotFiniteException(string message) : CrossnodeException(ErrorKind.NotFinite, message);
