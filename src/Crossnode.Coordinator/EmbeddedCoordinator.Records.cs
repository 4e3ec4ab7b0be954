using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;

namespace Crossnode.Coordinator;

/// <summary>The run's record: read and claimed at the start, written before each view, made again when it is lost.</summary>
public sealed partial class EmbeddedCoordinator
{
    private static readonly TimeSpan ClaimAgain = TimeSpan.FromSeconds(1);

    private StoreWorker? _worker;
    private RunMachine? _machine;
    private RunReconstruction? _reconstruction;
    private RunRecord? _record;
    private TimeSpan? _claimAt;
    private bool _isDeposed;

    // Before anybody is served: a term is claimed before a HELLO is read (R21).
    private void Begin()
    {
        if (_options.Store is not { } store)
        {
            _machine = new RunMachine(RunOptionsOf(term: 0));
            return;
        }

        _record = store.Read();
        if (_record?.View is null && _record?.End is null or "" && _options.Reconstruct)
        {
            _reconstruction = new RunReconstruction(RunOptionsOf(term: 0));
            _worker = new StoreWorker(store, _poller.Wake);
            return;
        }

        var claimed = _record?.Clone() ?? new RunRecord();
        claimed.Term = 0;
        try
        {
            store.Claim(claimed);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or DeadlineException)
        {
            throw new InputException($"the record {store.Name} cannot be written: {failure.Message}", failure);
        }

        _machine = new RunMachine(RunOptionsOf(claimed.Term), claimed);
        _worker = new StoreWorker(store, _poller.Wake);
    }

    private RunOptions RunOptionsOf(ulong term) => new()
    {
        ExpectedMembers = _options.ExpectedMembers,
        GivesFirstNumbers = _options.GivesFirstNumbers,
        Nonce = _options.Random.NextUInt64(),
        StartTimeout = _options.StartTimeout,
        HeartbeatInterval = _options.HeartbeatInterval,
        EvictAfter = _options.EvictAfter,
        ReattachFor = _options.ReattachFor ?? 2 * _options.EvictAfter,
        MinMembers = _options.MinMembers,
        Term = term,
    };

    private void TellStart()
    {
        if (_reconstruction is not null)
        {
            Log($"{_options.Store!.Name} holds no view: waiting for members, to make the record again");
            DeclareDead();
        }
        else if (_machine!.View is { } view)
        {
            TellTakenUp(view, $"goes on with {view.Id} from {_options.Store!.Name}");
            DeclareDead();
        }
    }

    private void DeclareDead()
    {
        foreach (var member in _options.DeclaredDead)
        {
            Step(Now, new RunEvent(RunEventKind.DeclaredDead, Member: member));
        }
    }

    private void TellTakenUp(Protocol.Views.View view, string text)
    {
        var ended = _machine!.HasEnded ? "; the run has ended" : $", and waits for its {view.Members.Count} members to come back";
        Log(text + ended);
        Tell(new RunNews(RunNewsKind.TakenUp, View: view.Id, Members: view.Members, Text: text + ended));
    }

    private void CarryOutRecord(in RunAction action)
    {
        switch (action.Kind)
        {
            case RunActionKind.Store:
                _worker!.Write(action.Record!);
                break;
            case RunActionKind.CheckStore:
                _worker!.Check(_machine!.Term);
                break;
            case RunActionKind.Rebuilt:
                Log(action.Text!);
                _record = action.Record;
                _worker!.Claim(_record!);
                break;
            case RunActionKind.Trouble:
                Log(action.Text!);
                Tell(new RunNews(RunNewsKind.Trouble, action.Member, Text: action.Text));
                break;
            default:
                StepDown(action.Text!);
                break;
        }
    }

    private bool TakeStored(TimeSpan now)
    {
        var moved = false;
        while (_worker is { } worker && worker.TryTake(out var result))
        {
            moved = true;
            if (_machine is not null)
            {
                Step(now, result);
            }
            else if (result.Kind == RunEventKind.Stored)
            {
                TakeUp(now, result.Term);
            }
            else
            {
                _claimAt = now + ClaimAgain;
                CarryOutRecord(new RunAction(
                    RunActionKind.Trouble, Text: $"the record cannot be written: {result.Text}; trying again in {ClaimAgain.TotalSeconds:0} s"));
            }
        }

        if (_claimAt <= now)
        {
            _claimAt = null;
            _worker!.Claim(_record!);
        }

        return moved;
    }

    // Members come again, and say HELLO to a machine that knows them.
    private void TakeUp(TimeSpan now, ulong term)
    {
        _machine = new RunMachine(RunOptionsOf(term), _record);
        _reconstruction = null;
        foreach (var stream in _streams.Values)
        {
            stream.IsGreeted = true;
            stream.ClosesAt = now;
        }

        TellTakenUp(_machine.View!, $"goes on with {_machine.View!.Id}, as its members hold it");
        DeclareDead();
    }

    // R21: dials are refused from now on, so that members find the other one.
    private void StepDown(string text)
    {
        _isDeposed = true;
        _poller.Unwatch(_listener);
        _listener.Dispose();
        Log($"steps down: {text}");
        Tell(new RunNews(RunNewsKind.Deposed, Text: text));
    }
}
