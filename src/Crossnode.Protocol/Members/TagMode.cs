namespace Crossnode.Protocol.Members;

/// <summary>What becomes of a tag's operations that a view change meets; fixed by the tag's first operation. On the wire.</summary>
public static class TagMode
{
    /// <summary>They run again among the members of the next view.</summary>
    public const uint Retry = 1;

    /// <summary>They are aborted on every member.</summary>
    public const uint Report = 2;

    /// <summary>They have no commit barrier: each member that is not done gives up alone, and never enters a commit point.</summary>
    public const uint BestEffort = 3;
}
