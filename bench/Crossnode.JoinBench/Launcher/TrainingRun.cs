using Crossnode.Collectives.Launching;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.JoinBench.Launcher;

/// <summary>One run: its coordinator, its processes, and the check of what they computed.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly WorkerPool _pool;
    private readonly Assignment _assignment;
    private readonly EmbeddedCoordinator _coordinator;
    private readonly LaunchEnvironment _environment;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("crossnode-join-");
    private readonly List<string> _news = [];
    private readonly List<Participation> _participations = [];
    private readonly List<Report> _reports = [];

    public TrainingRun(WorkerPool pool, Assignment assignment, int founders, TimeSpan within)
    {
        _pool = pool;
        Within = new Deadline(within);
        var run = RunId.Create(new SystemRandomSource());
        _coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions { ExpectedMembers = founders, Run = run }, new TcpTransport(), Heard);
        _environment = new LaunchEnvironment
        {
            Coordinator = System.Net.IPEndPoint.Parse(_coordinator.Address),
            Run = run,
            Workers = founders,
            Launcher = ProcessStamp.Current,
        };
        _assignment = assignment with { Parameters = _folder.FullName };
        Founders = founders;
    }

    /// <summary>All waits of the run together.</summary>
    public Deadline Within { get; }

    public int Founders { get; }

    /// <summary>The processes that are in it.</summary>
    public List<WorkerProcess> Members { get; } = [];

    /// <summary>What the coordinator said.</summary>
    public IReadOnlyList<string> News
    {
        get
        {
            lock (_news)
            {
                return [.. _news];
            }
        }
    }

    /// <summary>Starts the first members, and waits until all train.</summary>
    public TrainingRun Begin()
    {
        for (var number = 0; number < Founders; number++)
        {
            Start(new MemberId((uint)number));
        }

        Members.ForEach(Enter);
        return this;
    }

    /// <summary>Lets a process come, and returns at once.</summary>
    public WorkerProcess Join() => Start(MemberId.Unassigned);

    /// <summary>Waits until a newcomer holds the state.</summary>
    /// <returns>The line that said so.</returns>
    public string AwaitLevel(WorkerProcess newcomer)
    {
        Enter(newcomer);
        return newcomer.AwaitLevel(Within);
    }

    public void Kill(WorkerProcess victim)
    {
        victim.Kill();
        NoteEntered(victim);
        Members.Remove(victim);
        _pool.Return(victim);
    }

    /// <summary>Lets one go in good order.</summary>
    /// <param name="leaver">Who goes.</param>
    /// <param name="forGood">Whether its process ends too, so that the next newcomer is one that has done nothing yet.</param>
    public Report Leave(WorkerProcess leaver, bool forGood = false)
    {
        leaver.Tell("leave");
        return Take(leaver, forGood);
    }

    /// <summary>Ends the run and checks all that was computed.</summary>
    /// <exception cref="BenchException">Hashes or values differ.</exception>
    public IReadOnlyList<Report> Finish()
    {
        Members.ForEach(member => member.Tell("stop"));
        var last = Members.ToList().ConvertAll(member => Take(member));
        if (last.Select(report => report.Hash).Distinct().Count() != 1)
        {
            throw new BenchException(
                $"hashes differ in the end: {string.Join(", ", last.Select(report => $"member {report.Self} {report.Hash}"))}");
        }

        if (!_assignment.AdamW)
        {
            var oracle = new Oracle(_assignment, Founders, _participations, _reports.SelectMany(report => report.Exchanges));
            var expected = oracle.Parameters();
            foreach (var report in last)
            {
                Oracle.Compare(expected, Path.Combine(_folder.FullName, $"{report.Self}.bin"), report.Self);
            }
        }

        return last;
    }

    public void Dispose()
    {
        foreach (var left in Members.ToList())
        {
            _pool.Return(left);
        }

        _coordinator.Dispose();
        _folder.Delete(recursive: true);
    }

    private WorkerProcess Start(MemberId number)
    {
        var worker = _pool.Take();
        worker.Begin(_assignment with { Environment = (_environment with { Worker = number }).ToVariables() });
        Members.Add(worker);
        return worker;
    }

    private void Enter(WorkerProcess worker)
    {
        worker.AwaitEntered(Within);
        NoteEntered(worker);
    }

    private void NoteEntered(WorkerProcess worker)
    {
        // One that was killed may have entered without anybody waiting for it.
        if (worker.FirstStep >= 0 && !_participations.Exists(p => p.Number == worker.Number && p.FirstStep == worker.FirstStep))
        {
            _participations.Add(new Participation(worker.Number, worker.FirstStep));
        }
    }

    private Report Take(WorkerProcess member, bool forGood = false)
    {
        var report = member.AwaitReport(Within);
        _reports.Add(report);
        Members.Remove(member);
        if (forGood)
        {
            member.Kill();
        }

        _pool.Return(member);
        return report;
    }

    private void Heard(RunNews news)
    {
        lock (_news)
        {
            _news.Add($"{news.Kind} {news.Member} {news.Text}");
        }
    }
}
