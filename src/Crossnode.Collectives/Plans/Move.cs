namespace Crossnode.Collectives.Plans;

/// <summary>What a member does with one range of blocks and one other member.</summary>
internal enum MoveKind : byte
{
    /// <summary>Sends what it has of the blocks: its own part, or the reduction of what came so far.</summary>
    Send,

    /// <summary>Sends blocks that are finished.</summary>
    SendResult,

    /// <summary>Receives a part and reduces it into the blocks, with its own part if that is not in them yet.</summary>
    Reduce,

    /// <summary>The same, after which the blocks are finished.</summary>
    ReduceLast,

    /// <summary>Receives blocks that are finished, or that need no reduction.</summary>
    Receive,
}

/// <summary>One entry of a member's program.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Peer">The rank of the other member.</param>
/// <param name="Step">Names the move on the wire: no two moves from one member to another have the same.</param>
/// <param name="FirstBlock">The first block.</param>
/// <param name="BlockCount">How many blocks, one after another in memory.</param>
internal readonly record struct Move(MoveKind Kind, int Peer, int Step, int FirstBlock, int BlockCount = 1)
{
    public bool IsSend => Kind is MoveKind.Send or MoveKind.SendResult;

    public bool IsReduction => Kind is MoveKind.Reduce or MoveKind.ReduceLast;

    public int EndBlock => FirstBlock + BlockCount;
}
