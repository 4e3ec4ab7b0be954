using Crossnode.Collectives;
using Crossnode.Collectives.Launching;
using Crossnode.Core;
using Crossnode.TorchSharp;
using Crossnode.Training;
using Crossnode.Training.DiLoCo;
using Crossnode.Training.Joining;
using Crossnode.Training.SynchronousDataParallel;
using static TorchSharp.torch;

namespace Crossnode.JoinBench.Worker;

/// <summary>One member's part in one run: trains until somebody stops the run or it is told to leave.</summary>
internal sealed class Member(Assignment assignment)
{
    private const int MostMembers = 64;
    private const int StopSlot = 0;
    private const int CompareSlot = 1;

    private readonly Recorder _recorder = new(assignment.Traces);
    private readonly List<Exchange> _exchanges = [];
    private readonly List<CopyTrace> _copies = [];
    private TimeSpan _copied;
    private int _comparisons;
    private volatile bool _leaves;
    private volatile bool _stops;

    public void Leave() => _leaves = true;

    public void Stop() => _stops = true;

    public Report Train()
    {
        foreach (var (name, value) in assignment.Environment)
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        using var run = CrossnodeRun.Join(assignment.Traces ? _recorder : null);
        using var weights = new Weights(assignment.Elements, assignment.Tensors, isFirst: run.Self.Value == 0);
        using optim.Optimizer optimizer = assignment.AdamW
            ? optim.AdamW(weights.parameters(), assignment.LearningRate)
            : optim.SGD(
                weights.parameters(), assignment.LearningRate, momentum: assignment.Method == Method.DataParallel ? 0.5 : 0);
        ITrainingStrategy strategy = assignment.Method == Method.DataParallel
            ? new DataParallelStrategy(new DataParallelOptions { ExpectedGlobalBatch = 4 })
            : new DiLoCoStrategy(new DiLoCoOptions { SyncEvery = assignment.SyncEvery });
        ICommunicator communicator = assignment.Traces ? new TracedRun(run, _recorder) : run;
        using var trainer = communicator.Distribute(
            weights,
            optimizer,
            strategy,
            new DistributionOptions
            {
                StateBytesPerSecond = assignment.StateBytesPerSecond, JoinProgress = Fetched, JoinTimeout = TimeSpan.FromSeconds(60),
            });
        _recorder.Note("entered the loop");
        WorkerLoop.Say($"entered {trainer.Self.Value} {trainer.NextStep} {(trainer.IsLevel ? "level" : "behind")}");
        Loop(trainer, weights);
        var hash = trainer.Hash().ToString();
        if (assignment.Parameters is { } folder)
        {
            weights.Save(Path.Combine(folder, $"{trainer.Self.Value}.bin"));
        }

        return new Report
        {
            Self = trainer.Self.Value,
            Hash = hash,
            Left = _leaves,
            Exchanges = _exchanges,
            Steps = _recorder.Steps,
            Operations = _recorder.Operations,
            Log = _recorder.Lines,
            CopyTimes = _copies,
            Comparisons = _comparisons,
        };
    }

    private void Loop(DistributedTrainer trainer, Weights weights)
    {
        // Who became level in the last exchange is compared with the others after the next one, when its loop has begun.
        IReadOnlyList<MemberId> before = trainer.Members;
        var hasNew = trainer.IsLevel && trainer.NextStep > 0;
        while (!_leaves)
        {
            using var scope = NewDisposeScope();
            var step = trainer.NextStep;
            var began = Recorder.Now;
            weights.Differentiate(trainer.Self.Value, step);
            Compute();
            var wasLevel = trainer.IsLevel;
            var called = Recorder.Now;
            var outcome = trainer.Step(wasLevel ? 1 : 0);
            Record(trainer, new StepTrace(step, began, called, Recorder.Now));
            if (!outcome.Exchanged)
            {
                continue;
            }

            if (wasLevel)
            {
                var contributors = assignment.Method == Method.DataParallel ? outcome.TotalSamples : (long)outcome.TotalWeight;
                _exchanges.Add(new Exchange(step, [.. outcome.Members.Select(member => member.Value)], (int)contributors));
            }
            else if (trainer.IsLevel)
            {
                WorkerLoop.Say($"level {step}");
            }

            var settled = before.Where(outcome.Members.Contains).ToList();
            var wishes = new double[2];
            wishes[StopSlot] = _stops ? 1 : 0;
            wishes[CompareSlot] = hasNew ? 1 : 0;
            Sum(trainer, wishes);
            if (wishes[CompareSlot] > 0)
            {
                CompareHashes(trainer, settled, wasLevel, step);
            }

            hasNew = trainer.IsLevel && outcome.Members.Except(before).Any();
            before = outcome.Members;
            if (wishes[StopSlot] > 0)
            {
                return;
            }
        }
    }

    private void CompareHashes(DistributedTrainer trainer, List<MemberId> settled, bool votes, long step)
    {
        var own = trainer.Hash();
        var ballots = HashVote.Ballot(MostMembers, (int)trainer.Self.Value, votes ? own : default);
        Sum(trainer, ballots);
        foreach (var member in settled)
        {
            var theirs = HashVote.At(ballots, (int)member.Value);
            if (votes && theirs != default && theirs != own)
            {
                throw new InvalidOperationException($"after step {step} {member} has hash {theirs}, {trainer.Self} has {own}");
            }
        }

        _comparisons++;
    }

    private static void Sum(DistributedTrainer trainer, double[] values)
    {
        var buffer = TensorBuffer.From(values.AsMemory());
        trainer.Run(new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum)).ThrowIfFailed();
    }

    private void Compute()
    {
        if (assignment.ComputeMilliseconds > 0)
        {
            Thread.Sleep(TimeSpan.FromMilliseconds(assignment.ComputeMilliseconds));
        }
    }

    private void Record(DistributedTrainer trainer, StepTrace step)
    {
        _recorder.Add(step);
        if (assignment.Traces)
        {
            if (trainer.CopyTime != _copied)
            {
                _copies.Add(new CopyTrace(step.Ended, (trainer.CopyTime - _copied).TotalSeconds));
                _copied = trainer.CopyTime;
            }

            var counters = trainer.StateCounters!;
            WorkerLoop.Say($"step {step.Step} {counters.Copies} {counters.CopyBytes} {counters.SpareBytes} {counters.BytesServed}");
        }
    }

    private static void Fetched(long here, long total, MemberId member) =>
        WorkerLoop.Say($"fetched {here} {total} {member.Value}");
}
