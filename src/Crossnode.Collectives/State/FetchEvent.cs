namespace Crossnode.Collectives.State;

/// <summary>What happens to a fetch. Holders are numbered as the request lists them.</summary>
public abstract record FetchEvent
{
    private FetchEvent()
    {
    }

    /// <summary>Time has passed.</summary>
    public sealed record Tick : FetchEvent;

    /// <summary>The connection to a holder is open.</summary>
    public sealed record Opened(int Holder) : FetchEvent;

    /// <summary>The connection could not be opened, or broke.</summary>
    public sealed record Lost(int Holder, string Reason) : FetchEvent;

    /// <summary>The holder will not serve this version, or broke the rules: no sense in asking it again.</summary>
    public sealed record Refused(int Holder, string Reason) : FetchEvent;

    /// <summary>A manifest came.</summary>
    public sealed record ManifestCame(int Holder, UInt128 TotalHash) : FetchEvent;

    /// <summary>The chosen manifest was compared with what is here.</summary>
    /// <param name="Needed">For each chunk whether it has to be fetched.</param>
    public sealed record Compared(IReadOnlyList<bool> Needed) : FetchEvent;

    /// <summary>Bytes of a chunk came.</summary>
    public sealed record Heard(int Holder) : FetchEvent;

    /// <summary>A whole chunk came.</summary>
    /// <param name="Holder">From whom.</param>
    /// <param name="Chunk">Its number through all tensors.</param>
    /// <param name="IsRight">Whether it has the hash that the manifest says. If so it was taken.</param>
    public sealed record ChunkCame(int Holder, int Chunk, bool IsRight) : FetchEvent;
}

/// <summary>What a fetch wants done.</summary>
public abstract record FetchAction
{
    private FetchAction()
    {
    }

    /// <summary>Open a connection to this holder.</summary>
    public sealed record Connect(int Holder) : FetchAction;

    /// <summary>Ask this holder for its manifest.</summary>
    public sealed record AskManifest(int Holder) : FetchAction;

    /// <summary>The manifest with this hash is the one: compare it with what is here.</summary>
    public sealed record Choose(UInt128 TotalHash) : FetchAction;

    /// <summary>Ask this holder for a chunk.</summary>
    public sealed record AskChunk(int Holder, int Chunk) : FetchAction;

    /// <summary>Close the connection to this holder, if there is one.</summary>
    public sealed record Close(int Holder, string Reason) : FetchAction;

    /// <summary>All is here.</summary>
    public sealed record Finish : FetchAction;

    /// <summary>It cannot be done.</summary>
    /// <param name="IsLate">The deadline passed; otherwise no holder is left.</param>
    /// <param name="Text">Phase and holders.</param>
    public sealed record Fail(bool IsLate, string Text) : FetchAction;
}
