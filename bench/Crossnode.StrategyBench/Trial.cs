using System.Diagnostics;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Models.Text;
using Crossnode.Transport;

namespace Crossnode.StrategyBench;

/// <summary>What a trial came to.</summary>
/// <param name="Mode">What members exchanged.</param>
/// <param name="Seed">Of weights and data.</param>
/// <param name="Loss">Nats per held-out byte; with members that differ, the mean of their losses.</param>
/// <param name="PayloadBytes">On the tag of the gradients after the first steps, summed over members.</param>
/// <param name="Seconds">On the clock.</param>
internal sealed record TrialResult(Mode Mode, ulong Seed, double Loss, long PayloadBytes, double Seconds);

/// <summary>One run of all members, each on a thread of this process.</summary>
internal static class Trial
{
    public static TrialResult Run(TrialOptions options, Mode mode, ulong seed, Corpus corpus)
    {
        var watch = Stopwatch.StartNew();
        var run = RunId.Create(new SystemRandomSource());
        using var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions { Run = run, ExpectedMembers = options.Members, EvictAfter = Member.Patience }, new TcpTransport());
        var results = new MemberResult?[options.Members];
        var errors = new Exception?[options.Members];
        var threads = Enumerable.Range(0, options.Members).Select(number => new Thread(() =>
        {
            try
            {
                results[number] = new Member(options, mode, seed, corpus).Run(run, coordinator.Address, (uint)number);
            }
            catch (Exception error)
            {
                errors[number] = error;
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        if (errors.FirstOrDefault(error => error is not null) is { } failure)
        {
            throw new InvalidOperationException($"{mode} with seed {seed}: {failure.Message}", failure);
        }

        var all = results.OfType<MemberResult>().ToList();
        if (mode != Mode.Never && all.Select(result => result.Hash).Distinct().Count() != 1)
        {
            throw new InvalidOperationException($"{mode} with seed {seed}: members ended with different models");
        }

        var loss = mode == Mode.Never
            ? all.Average(result => result.Nats / result.Bytes)
            : all.Sum(result => result.Nats) / all.Sum(result => result.Bytes);
        return new TrialResult(mode, seed, loss, all.Sum(result => result.PayloadBytes), watch.Elapsed.TotalSeconds);
    }
}
