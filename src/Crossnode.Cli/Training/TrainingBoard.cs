namespace Crossnode.Cli.Training;

/// <summary>What the launcher knows of a training run: fed with notes and events, read by views and by the report.</summary>
/// <remarks>Not for several threads at once.</remarks>
internal sealed class TrainingBoard
{
    private readonly SortedDictionary<int, WorkerRow> _rows = [];
    private readonly List<double> _losses = [];
    private readonly List<(long Steps, double Loss)> _heldOut = [];
    private readonly List<(long Step, string Text)> _viewChanges = [];
    private readonly Dictionary<int, WorkerNote> _finals = [];
    private IReadOnlyList<int> _members = [];
    private bool _isStopping;
    private bool _isPaceWhole;

    /// <param name="workers">How many workers were started.</param>
    /// <param name="haveNumbers">Whether they are members 0 to that minus 1; else each says which one it is.</param>
    public TrainingBoard(int workers, bool haveNumbers = true)
    {
        Nameless = haveNumbers ? 0 : workers;
        for (var number = 0; haveNumbers && number < workers; number++)
        {
            _rows.Add(number, new WorkerRow(number));
        }
    }

    /// <summary>The workers, by number.</summary>
    public IReadOnlyList<WorkerRow> Rows => [.. _rows.Values];

    /// <summary>How many workers have not said yet which member they are.</summary>
    public int Nameless { get; private set; }

    /// <summary>The members of the newest view.</summary>
    public IReadOnlyList<int> Members => _members;

    /// <summary>The number of the newest view; 0 before the first.</summary>
    public long View { get; private set; }

    /// <summary>How many views the training had; those in which finished workers leave do not count.</summary>
    public int Views { get; private set; }

    /// <summary>The members of the last of these views.</summary>
    public IReadOnlyList<int> LastMembers { get; private set; } = [];

    /// <summary>The mean loss of each step.</summary>
    public IReadOnlyList<double> Losses => _losses;

    /// <summary>Losses on held-out text, after so many steps.</summary>
    public IReadOnlyList<(long Steps, double Loss)> HeldOut => _heldOut;

    /// <summary>Where members were lost, and where some came.</summary>
    public IReadOnlyList<(long Step, string Text)> ViewChanges => _viewChanges;

    /// <summary>The first step of <see cref="Losses"/>: later than 0 where others had begun, or went on while this machine was away.</summary>
    public long FirstStep { get; private set; }

    /// <summary>How many steps were committed in the run.</summary>
    public long Steps => FirstStep + _losses.Count;

    /// <summary>Bytes of text learned a second by all.</summary>
    public double BytesPerSecond { get; private set; }

    /// <summary>What the trained model wrote; null until it has.</summary>
    public byte[]? Sample { get; private set; }

    /// <summary>Whether a checkpoint was written.</summary>
    public bool IsSaved { get; private set; }

    /// <summary>Whether some worker has done its last step, or all were asked to stop.</summary>
    public bool IsOver => _finals.Count > 0 || _isStopping;

    /// <summary>What the workers that finished said last, by number.</summary>
    public IReadOnlyDictionary<int, WorkerNote> Finals => _finals;

    /// <summary>What is known of a member; null for one that never said anything here.</summary>
    public WorkerRow? Row(int member) => _rows.GetValueOrDefault(member);

    public void Started(int worker, int processId) =>
        _rows[worker] = new WorkerRow(worker) { ProcessId = processId, HeardAt = Row(worker)?.HeardAt ?? default };

    /// <summary>A worker has said which member it is, or is another one from now on.</summary>
    public void Named(int member, int processId)
    {
        if (!_rows.Values.Any(row => row.ProcessId == processId))
        {
            Nameless = Math.Max(0, Nameless - 1);
        }
        foreach (var former in _rows.Values.Where(row => row.ProcessId == processId && row.Number != member).ToList())
        {
            _rows.Remove(former.Number);
        }
        Started(member, processId);
    }

    public void ViewAnnounced(long view, IReadOnlyList<int> members, TimeSpan now = default)
    {
        foreach (var lost in _members.Except(members))
        {
            // Gone is what it becomes when its process ends as well.
            Change(lost, row => row.State is WorkerState.Leaving or WorkerState.Gone ? row : row with { State = WorkerState.Evicted });
        }
        foreach (var member in members)
        {
            Change(member, row => row with
            {
                HeardAt = now,
                // One that was put out has come back.
                State = row.State is WorkerState.Evicted or WorkerState.Gone ? WorkerState.Fetching : row.State,
            });
        }
        (View, _members) = (view, members);
        if (!IsOver && members.Count > 0)
        {
            var lost = LastMembers.Except(members).ToList();
            if (lost.Count > 0)
            {
                _viewChanges.Add((Steps, $"without {RunTexts.Names(lost)}"));
            }
            if (Views > 0 && members.Except(LastMembers).ToList() is { Count: > 0 } come)
            {
                _viewChanges.Add((Steps, $"with {RunTexts.Names(come)}"));
            }
            Views++;
            LastMembers = members;
        }
    }

    /// <summary>Views from now on only say that workers leave.</summary>
    public void Stopping() => _isStopping = true;

    public void Gone(int worker) => Change(
        worker, row => row.State == WorkerState.Leaving ? row : row with { State = WorkerState.Gone });

    /// <summary>Takes a worker's note.</summary>
    /// <param name="worker">Who said it.</param>
    /// <param name="note">What it said.</param>
    /// <param name="now">The time since the program's start.</param>
    /// <returns>True when it is the first word of a step, or of a measurement on held-out text.</returns>
    public bool Noted(int worker, WorkerNote note, TimeSpan now = default)
    {
        // A member that another machine started may speak here too.
        _rows[worker] = Follow(Row(worker) ?? new WorkerRow(worker), note) with { HeardAt = now };
        switch (note.Kind)
        {
            case NoteKind.Step when note.Step >= Steps && note.Loss is { } loss:
                if (note.Step > Steps)
                {
                    _losses.Clear();
                }
                FirstStep = _losses.Count == 0 ? note.Step : FirstStep;
                _losses.Add(loss);
                TakePace(worker, note);
                return true;
            case NoteKind.Evaluated when note.Loss is { } loss && (_heldOut.Count == 0 || _heldOut[^1].Steps < note.Step):
                _heldOut.Add((note.Step, loss));
                return true;
            case NoteKind.Saved:
                IsSaved = true;
                Sample = note.Sample is { } text ? Convert.FromBase64String(text) : Sample;
                return false;
            case NoteKind.Final:
                _finals[worker] = note;
                return false;
            default:
                return false;
        }
    }

    /// <summary>The members for which a worker waits: those that have not come as far as it.</summary>
    public IReadOnlyList<int> WaitsFor(int worker)
    {
        return Row(worker) is not { State: WorkerState.Averaging } own
            ? []
            : [.. Known().Where(row => row.Number != worker && !(row.State == WorkerState.Averaging && row.Step >= own.Step) && row.Step <= own.Step)
                .Select(row => row.Number)];
    }

    /// <summary>The members that keep others waiting: those that somebody waits for, or all when each has said that it averages.</summary>
    /// <remarks>Members that say nothing here, because another machine started them, are not among them.</remarks>
    public IReadOnlyList<int> Awaited()
    {
        var averaging = Known().Where(row => row.State == WorkerState.Averaging).Select(row => row.Number).ToList();
        return averaging.Count == _members.Count ? averaging : [.. averaging.SelectMany(WaitsFor).Distinct().Order()];
    }

    /// <summary>How members wait for the coordinator, in the words of the one that was heard last; null when none does.</summary>
    public string? WaitForCoordinator() => Known()
        .Where(row => row is { WaitText: not null, State: not (WorkerState.Gone or WorkerState.Leaving) })
        .MaxBy(row => row.HeardAt)?.WaitText;

    private IEnumerable<WorkerRow> Known() => _members.Select(Row).OfType<WorkerRow>();

    private static WorkerRow Follow(WorkerRow row, WorkerNote note) => note.Kind switch
    {
        NoteKind.Ready => row with { State = WorkerState.Ready, View = note.View },
        NoteKind.FetchingData => row with { State = WorkerState.FetchingData, BytesFetched = note.BytesFetched, BytesToFetch = note.BytesToFetch },
        NoteKind.DataHere => row with { State = WorkerState.Starting },
        NoteKind.Fetching => row with { State = WorkerState.Fetching, BytesFetched = note.BytesFetched, BytesToFetch = note.BytesToFetch },
        NoteKind.Averaging => row with { State = WorkerState.Averaging, Step = note.Step },
        NoteKind.Step => row with
        {
            State = WorkerState.Computing,
            Step = note.Step + 1,
            OwnLoss = note.OwnLoss ?? row.OwnLoss,
            Own = row.Own.Plus(note.Bytes, note.Seconds, Exchanged(note)),
            All = row.All.Plus(note.TotalBytes, note.Seconds, Exchanged(note)),
            PayloadBytesSent = note.PayloadBytesSent,
            WireBytesSent = note.WireBytesSent,
            BytesReceived = note.BytesReceived,
            View = note.View,
        },
        NoteKind.Waiting => row with { WaitText = note.Text },
        NoteKind.Evaluating => row with { State = WorkerState.Evaluating },
        NoteKind.Evaluated => row with { State = WorkerState.Computing },
        NoteKind.Final or NoteKind.Stopped => row with
        {
            State = WorkerState.Leaving,
            PayloadBytesSent = Math.Max(row.PayloadBytesSent, note.PayloadBytesSent),
            WireBytesSent = Math.Max(row.WireBytesSent, note.WireBytesSent),
            StateHash = note.StateHash,
        },
        _ => row,
    };

    private static bool Exchanged(WorkerNote note) => note.Members is { Count: > 0 };

    // Between two exchanges the first word of a step comes from whoever has least to do, and until the first one from whoever learns.
    private void TakePace(int worker, WorkerNote note)
    {
        if (Exchanged(note) || (!_isPaceWhole && note.Bytes > 0))
        {
            BytesPerSecond = _rows[worker].All.BytesPerSecond;
            _isPaceWhole |= Exchanged(note);
        }
    }

    private void Change(int worker, Func<WorkerRow, WorkerRow> change)
    {
        if (Row(worker) is { } row)
        {
            _rows[worker] = change(row);
        }
    }
}
