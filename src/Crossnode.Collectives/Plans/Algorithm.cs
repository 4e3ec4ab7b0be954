namespace Crossnode.Collectives;

/// <summary>How an operation's data travels. The numbers are on the wire.</summary>
public enum Algorithm : byte
{
    /// <summary>What the view says for this operation and size.</summary>
    Auto = 0,

    /// <summary>Around a ring: the least bytes, W-1 or 2(W-1) steps.</summary>
    Ring = 1,

    /// <summary>Recursive halving and doubling: the least bytes, 2 log2 W steps.</summary>
    HalvingDoubling = 2,

    /// <summary>Recursive doubling of the whole buffer: log2 W steps; for small buffers.</summary>
    Exchange = 3,

    /// <summary>Along a tree: binomial where all links are there, else breadth-first over those that are.</summary>
    Tree = 4,

    /// <summary>Every member to every other: one or two steps.</summary>
    Direct = 5,

    /// <summary>Within groups of near members first, then across them.</summary>
    Hierarchical = 6,
}
