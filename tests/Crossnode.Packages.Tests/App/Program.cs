using Crossnode.Collectives.Launching;
using Crossnode.TorchSharp;
using static TorchSharp.torch;

using var run = CrossnodeRun.Join();
manual_seed(1);
using var model = nn.Sequential(("into", nn.Linear(4, 32)), ("bend", nn.Tanh()), ("out", nn.Linear(32, 1)));
using var optimizer = optim.AdamW(model.parameters(), lr: 0.02);
using var trainer = run.Distribute(model, optimizer);

manual_seed(trainer.Self.Value); // each process makes samples of its own
for (var step = 1; step <= 50; step++)
{
    using var scope = NewDisposeScope();
    var inputs = rand(64, 4);
    optimizer.zero_grad();
    var loss = nn.functional.mse_loss(model.forward(inputs), inputs.sum(1, keepdim: true));
    loss.backward();
    trainer.Step(samples: 64, loss: loss.item<float>()); // where optimizer.step() stood
    Console.WriteLine(FormattableString.Invariant($"step {step} loss {trainer.MeanLoss:0.000000}"));
}

Console.WriteLine($"parameters {trainer.Hash()}");
