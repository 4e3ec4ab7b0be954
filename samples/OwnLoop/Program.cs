// A TorchSharp training loop on several processes: crossnode run --workers 4 -- dotnet OwnLoop.dll [STEPS [FILE]]
using System.Globalization;
using Crossnode.Collectives.Launching;
using Crossnode.Core.Errors;
using Crossnode.TorchSharp;
using Crossnode.Training.Sampling;
using OwnLoop;
using TorchSharp;
using static TorchSharp.torch;

var steps = 200;
if (args is [var text, ..] && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out steps) && steps > 0))
{
    Console.Error.WriteLine($"OwnLoop takes the number of steps, from 1 on, not '{text}'.");
    return 2;
}

try
{
    Train(steps, file: args.ElementAtOrDefault(1));
    return 0;
}
catch (CrossnodeException problem)
{
    Console.Error.WriteLine(problem.Message);
    return WorkerExitCodes.Of(problem);
}

static void Train(int steps, string? file)
{
    using var run = CrossnodeRun.Join();
    using var stop = new StopRequest();
    manual_seed(1);
    using var model = nn.Sequential(
        ("into", nn.Linear(2, 64)), ("bend", nn.Tanh()), ("mix", nn.Linear(64, 64)), ("bend again", nn.Tanh()), ("out", nn.Linear(64, 1)));
    using var optimizer = optim.AdamW(model.parameters(), lr: 1e-2);
    using var trainer = run.Distribute(model, optimizer);
    var sampler = trainer.Carry(new ShardedSampler(
        new ShardedSamplerOptions { SampleCount = Waves.TrainingCount, MicroBatchSize = 16, MicroBatchesPerStep = 8 }, trainer.Members));

    while (trainer.NextStep < steps && !trainer.StopIsAgreed)
    {
        trainer.AsksToStop = stop.IsMade;
        TakeStep(model, optimizer, trainer, sampler);
        if (trainer.IsLevel && (trainer.NextStep % Math.Max(1, steps / 10) == 0 || trainer.NextStep == steps))
        {
            Print(trainer, Waves.HeldOutLoss(model));
        }
    }

    if (file is not null && trainer.Self == trainer.Members[0])
    {
        model.save(file);
    }

    Console.WriteLine($"done, parameters {trainer.Hash()}");
}

static void TakeStep(
    nn.Module<Tensor, Tensor> model, optim.Optimizer optimizer, DistributedTrainer trainer, ShardedSampler sampler)
{
    using var scope = NewDisposeScope();
    var share = sampler.Deal(trainer.Self);
    var mean = 0.0;
    optimizer.zero_grad();
    foreach (var batch in share.MicroBatches)
    {
        var (inputs, targets) = Waves.Batch(batch.Samples);
        var loss = nn.functional.mse_loss(model.forward(inputs), targets) * batch.Share;
        loss.backward();
        mean += loss.item<float>();
    }

    var outcome = trainer.Step(samples: share.SampleCount, loss: mean); // where optimizer.step() stood
    sampler.Committed(outcome.Members);
}

// The last two numbers must not move: every tensor of a step is freed with it, and Step stays on its thread.
static void Print(DistributedTrainer trainer, double heldOutLoss) => Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"step {trainer.NextStep}  loss {trainer.MeanLoss:0.0000}  held out {heldOutLoss:0.0000}  members {trainer.Members.Count}"
    + $"  live tensors {DisposeScopeManager.Statistics.ThreadTotalLiveCount}  thread {Environment.CurrentManagedThreadId}"));
