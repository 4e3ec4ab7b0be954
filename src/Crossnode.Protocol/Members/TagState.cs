using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Members;

/// <summary>Where an operation stands at one member.</summary>
internal enum OperationPhase
{
    /// <summary>Called, not started in this view.</summary>
    Waiting,

    /// <summary>Its data moves.</summary>
    Running,

    /// <summary>All of its result is here; it may enter the barrier when all before it are as far (R3).</summary>
    DataComplete,

    /// <summary>Every member is known to be data-complete; it commits when all before it have.</summary>
    BarrierPassed,
}

/// <summary>One called operation that is not settled.</summary>
internal sealed class OperationState(long sequence)
{
    public long Sequence { get; } = sequence;

    public OperationPhase Phase { get; set; }

    /// <summary>The round of the barrier that it waits in; -1 before it has entered.</summary>
    public int Round { get; set; } = -1;

    public bool EverStarted { get; set; }

    public void Reset()
    {
        Phase = OperationPhase.Waiting;
        Round = -1;
    }
}

/// <summary>The sequence of operations of one tag at one member.</summary>
internal sealed class TagState(uint tag)
{
    // Tokens of operations; also of those that were not called here yet. One bit a round (dissemination), or one for the
    // parent and one for each child (tree), 64 to a word. Tokens are always read (R17).
    private readonly Dictionary<(long Sequence, int Word), ulong> _tokens = [];
    private int _words = 1;

    public uint Tag { get; } = tag;

    public uint OnViewChange { get; set; }

    public long NextSequence { get; set; } = 1;

    public long CommitPoint { get; set; }

    public List<OperationState> Operations { get; } = [];

    /// <summary>Numbers that the installed view burnt; above the commit point (R16).</summary>
    public Dictionary<long, KilledRecord> Killed { get; } = [];

    public OperationState? Find(long sequence)
    {
        foreach (var operation in Operations)
        {
            if (operation.Sequence == sequence)
            {
                return operation;
            }
        }

        return null;
    }

    public void AddToken(long sequence, int bit)
    {
        var word = bit >> 6;
        _words = Math.Max(_words, word + 1);
        _tokens[(sequence, word)] = _tokens.GetValueOrDefault((sequence, word)) | (1UL << (bit & 63));
    }

    public bool HasToken(long sequence, int bit) =>
        (_tokens.GetValueOrDefault((sequence, bit >> 6)) & (1UL << (bit & 63))) != 0;

    public void ForgetTokens(long sequence)
    {
        for (var word = 0; word < _words; word++)
        {
            _tokens.Remove((sequence, word));
        }
    }

    public void ForgetAllTokens() => _tokens.Clear();

    public TagAnswer Answer()
    {
        var complete = CommitPoint;
        var started = CommitPoint;
        foreach (var operation in Operations)
        {
            if (operation.Phase >= OperationPhase.DataComplete && operation.Sequence == complete + 1)
            {
                complete = operation.Sequence;
            }

            started = operation.EverStarted ? Math.Max(started, operation.Sequence) : started;
        }

        return new TagAnswer
        {
            Tag = Tag,
            DataComplete = complete,
            Committed = CommitPoint,
            HighestStarted = started,
            OnViewChange = OnViewChange,
        };
    }
}
