using Crossnode.Cli.Training;

namespace Crossnode.Cli.Tests.Training;

[Trait("tier", "unit")]
public sealed class TrainingBoardTests
{
    private readonly TrainingBoard _board = new(3);

    public TrainingBoardTests() => _board.ViewAnnounced(1, [0, 1, 2]);

    [Fact]
    public void Step_counts_once_however_many_workers_tell_it()
    {
        Assert.True(_board.Noted(0, Step(0, 5)));
        Assert.False(_board.Noted(1, Step(0, 5)));
        Assert.False(_board.Noted(2, Step(0, 5)));
        Assert.True(_board.Noted(2, Step(1, 4)));
        Assert.Equal([5, 4], _board.Losses);
    }

    [Fact]
    public void Worker_waits_for_those_that_are_not_as_far()
    {
        foreach (var worker in (int[])[0, 1, 2])
        {
            _board.Noted(worker, Step(0, 5));
        }
        _board.Noted(1, new WorkerNote { Kind = NoteKind.Averaging, Step = 1 });
        Assert.Equal([0, 2], _board.WaitsFor(1));
        _board.Noted(2, new WorkerNote { Kind = NoteKind.Averaging, Step = 1 });
        Assert.Equal([0], _board.WaitsFor(1));
        Assert.Equal([0], _board.WaitsFor(2));
        Assert.Empty(_board.WaitsFor(0));
        Assert.Equal("waits for 0", RunTexts.State(_board, _board.Rows[1], TimeSpan.Zero));
    }

    [Fact]
    public void Silent_worker_is_named_with_the_time_since_its_last_word()
    {
        var at = TimeSpan.FromSeconds(10);
        _board.Noted(0, new WorkerNote { Kind = NoteKind.Averaging, Step = 1 }, at);
        _board.Noted(1, new WorkerNote { Kind = NoteKind.Averaging, Step = 1 }, at);
        _board.Noted(2, Step(0, 5), at - TimeSpan.FromSeconds(0.5));
        Assert.Null(RunTexts.Waiting(_board, 9, at + TimeSpan.FromSeconds(2)));
        Assert.Equal("step 1/9: waiting for worker 2 (nothing heard for 6 s)", RunTexts.Waiting(_board, 9, at + TimeSpan.FromSeconds(5.5)));
        Assert.Equal("silent for 6 s", RunTexts.State(_board, _board.Rows[2], at + TimeSpan.FromSeconds(5.5)));
    }

    [Fact]
    public void Coordinator_that_is_away_is_named_beside_the_silent_worker_until_nobody_waits_for_it()
    {
        var at = TimeSpan.FromSeconds(10);
        _board.Noted(0, new WorkerNote { Kind = NoteKind.Averaging, Step = 1 }, at);
        _board.Noted(1, new WorkerNote { Kind = NoteKind.Averaging, Step = 1 }, at);
        _board.Noted(2, Step(0, 5), at);
        _board.Noted(1, Wait("waiting for the coordinator here:1, away for 1 s"), at + TimeSpan.FromSeconds(1));
        _board.Noted(0, Wait("waiting for the coordinator here:1, away for 5 s"), at + TimeSpan.FromSeconds(5));
        Assert.Equal(
            "step 1/9: waiting for worker 2 (nothing heard for 5 s); waiting for the coordinator here:1, away for 5 s",
            RunTexts.Waiting(_board, 9, at + TimeSpan.FromSeconds(5)));
        _board.Noted(1, Wait(null), at + TimeSpan.FromSeconds(6));
        _board.Noted(2, Step(1, 5), at + TimeSpan.FromSeconds(6));
        Assert.Equal("step 2/9: waiting for the coordinator here:1, away for 5 s", RunTexts.Waiting(_board, 9, at + TimeSpan.FromSeconds(6)));
        _board.Noted(0, Wait(null), at + TimeSpan.FromSeconds(7));
        Assert.Null(RunTexts.Waiting(_board, 9, at + TimeSpan.FromSeconds(7)));

        static WorkerNote Wait(string? text) => new() { Kind = NoteKind.Waiting, Text = text };
    }

    [Fact]
    public void Nobody_is_awaited_while_all_compute()
    {
        foreach (var worker in (int[])[0, 1, 2])
        {
            _board.Noted(worker, Step(0, 5));
        }
        Assert.Null(RunTexts.Waiting(_board, 9, TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Evicted_worker_does_nothing_any_more()
    {
        _board.Noted(2, Step(0, 5));
        _board.ViewAnnounced(2, [0, 1]);
        Assert.Equal("evicted", RunTexts.State(_board, _board.Rows[2], TimeSpan.FromSeconds(60)));
        _board.Gone(2);
        Assert.Equal("gone", RunTexts.State(_board, _board.Rows[2], TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Worker_waits_for_nobody_who_has_the_step_behind_it()
    {
        _board.Noted(0, new WorkerNote { Kind = NoteKind.Averaging, Step = 0 });
        _board.Noted(1, Step(0, 5));
        _board.Noted(2, Step(0, 5));
        Assert.Empty(_board.WaitsFor(0));
    }

    [Fact]
    public void Views_in_which_finished_workers_leave_do_not_count()
    {
        _board.ViewAnnounced(2, [0, 2]);
        _board.Noted(0, new WorkerNote { Kind = NoteKind.Final, StateHash = "abc", PayloadBytesSent = 10, WireBytesSent = 11 });
        _board.ViewAnnounced(3, [2]);
        _board.ViewAnnounced(4, []);
        Assert.Equal(2, _board.Views);
        Assert.Equal([0, 2], _board.LastMembers);
        Assert.Equal(["without worker 1"], _board.ViewChanges.Select(change => change.Text));
        Assert.Equal(("abc", 10, 11), (_board.Rows[0].StateHash, _board.Rows[0].PayloadBytesSent, _board.Rows[0].WireBytesSent));
    }

    [Fact]
    public void Note_of_a_worker_that_nobody_started_is_ignored() => Assert.False(_board.Noted(7, new WorkerNote { Kind = NoteKind.Ready }));

    [Fact]
    public void Note_survives_its_journey()
    {
        var note = Step(3, 1.0 / 3) with { StateHash = "x", Members = [0, 2] };
        var arrived = WorkerNote.Parse(note.ToJson())!;
        Assert.Equal(note.Members, arrived.Members);
        Assert.Equal(note with { Members = null }, arrived with { Members = null });
        Assert.Null(WorkerNote.Parse("{\"kind\":"));
    }

    [Fact]
    public void Rate_of_all_does_not_come_from_a_member_that_learns_nothing_and_is_first()
    {
        // Two learn 1000 and 2000 bytes a step, in 1 s and 2 s; the newcomer waits for them at the end of a round.
        const int round = 10;
        for (var step = 0; step < 3 * round; step++)
        {
            var exchanges = step % round == round - 1;
            _board.Noted(2, Local(step, bytes: 0, exchanges ? (2 * round) - (0.01 * (round - 1)) : 0.01, exchanges));
            _board.Noted(0, Local(step, bytes: 1000, exchanges ? round + 1 : 1, exchanges));
            _board.Noted(1, Local(step, bytes: 2000, 2, exchanges));
            if (step >= round - 1)
            {
                Assert.Equal(1500, _board.BytesPerSecond, tolerance: 1e-6);
            }
        }
        Assert.Equal([500, 1000, 0], _board.Rows.Select(row => Math.Round(row.BytesPerSecond, 6)));
    }

    [Fact]
    public void Rate_before_the_first_exchange_is_that_of_a_member_that_learns()
    {
        _board.Noted(2, Local(0, bytes: 0, 0.01, exchanges: false));
        Assert.Equal(0, _board.BytesPerSecond);
        _board.Noted(0, Local(1, bytes: 1000, 2, exchanges: false));
        Assert.Equal(1500, _board.BytesPerSecond, tolerance: 1e-6);
    }

    [Fact]
    public void Rate_takes_a_tenth_of_it_from_each_step()
    {
        _board.Noted(0, Local(0, bytes: 1000, 1, exchanges: true));
        _board.Noted(0, Local(1, bytes: 1000, 3, exchanges: true));
        Assert.Equal((0.9 * 3000) + (0.1 * 1000), _board.BytesPerSecond, tolerance: 1e-6);
    }

    private static WorkerNote Local(long step, long bytes, double seconds, bool exchanges) =>
        Step(step, 5) with { Bytes = bytes, Seconds = seconds, Members = exchanges ? [0, 1, 2] : [] };

    private static WorkerNote Step(long step, double loss) => new()
    {
        Kind = NoteKind.Step, Step = step, Loss = loss, OwnLoss = loss, Seconds = 0.1, Bytes = 1000, TotalBytes = 3000, View = 1,
    };
}
