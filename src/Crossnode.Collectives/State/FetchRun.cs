using System.IO.Hashing;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Collectives.State;

public sealed partial class StateFetcher
{
    /// <summary>One fetch: a plan, a link for each holder, and the targets.</summary>
    private sealed unsafe class FetchRun : IDisposable
    {
        private readonly StateFetcher _fetcher;
        private readonly FetchRequest _request;
        private readonly bool _isManifestOnly;
        private readonly StateHolder[] _holders;
        private readonly FetchLink?[] _links;
        private readonly Queue<FetchEvent> _events = new();
        private readonly Dictionary<MemberId, long> _bytesFrom = [];
        private readonly Dictionary<UInt128, StateManifest> _manifests = [];
        private readonly long _origin;
        private readonly FetchPlan _plan;
        private readonly Poller _poller;
        private StateManifest? _manifest;
        private TensorBuffer?[] _targets = [];
        private long _targetBytes;
        private long _matched;
        private long _fetched;
        private int _wrong;
        private bool _isDone;

        public FetchRun(StateFetcher fetcher, FetchRequest request, bool isManifestOnly)
        {
            ArgumentNullException.ThrowIfNull(request);
            if (request.Holders.Count == 0)
            {
                throw new ArgumentException("a fetch needs a holder to ask", nameof(request));
            }

            _fetcher = fetcher;
            _request = request;
            _isManifestOnly = isManifestOnly;
            _holders = [.. request.Holders.OrderBy(holder => holder.Member)];
            _links = new FetchLink?[_holders.Length];
            _origin = fetcher._options.Time.GetTimestamp();
            _plan = new FetchPlan(
                [.. _holders.Select(holder => $"{holder.Member} ({holder.Endpoint})")], TimeSpan.Zero, request.Deadline, fetcher._options.Plan);
            _poller = fetcher._transport.CreatePoller();
        }

        private TimeSpan Now => _fetcher._options.Time.GetElapsedTime(_origin);

        public FetchedState Run(CancellationToken cancellationToken)
        {
            using var registration = cancellationToken.UnsafeRegister(static poller => ((Poller)poller!).Wake(), _poller);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _events.Enqueue(new FetchEvent.Tick());
                Settle(cancellationToken);
                if (_isDone)
                {
                    return new FetchedState(_manifest!, _fetched, _matched, _wrong, _bytesFrom, Now);
                }

                if (!DriveLinks(cancellationToken))
                {
                    var now = Now;
                    Array.ForEach(_links, link => link?.Watch(_poller));
                    _poller.Wait(_plan.NextTick(now) - now);
                }
            }
        }

        public void Dispose()
        {
            for (var index = 0; index < _links.Length; index++)
            {
                Close(index);
            }

            _poller.Dispose();
        }

        private bool DriveLinks(CancellationToken cancellationToken)
        {
            var moved = false;
            for (var index = 0; index < _links.Length && !_isDone; index++)
            {
                if (_links[index] is not { } link)
                {
                    continue;
                }

                if (!link.Drive(out var got))
                {
                    Close(index);
                    got = true;
                }

                moved |= got;
                Settle(cancellationToken);
            }

            return moved | _isDone;
        }

        private void Settle(CancellationToken cancellationToken)
        {
            while (!_isDone && _events.TryDequeue(out var happened))
            {
                if (happened is FetchEvent.ChunkCame { IsRight: false })
                {
                    _wrong++;
                }

                foreach (var action in _plan.Step(Now, happened))
                {
                    Do(action, cancellationToken);
                }
            }
        }

        private void Do(FetchAction action, CancellationToken cancellationToken)
        {
            switch (action)
            {
                case FetchAction.Connect connect:
                    _links[connect.Holder] = new FetchLink(
                        connect.Holder, _fetcher.Dial(_holders[connect.Holder], _request.View), _request.Version, _events.Enqueue)
                    {
                        Accepts = _request.Accepts ?? (static _ => true),
                        Learn = manifest => _manifests[manifest.TotalHash] = manifest,
                        Take = Take,
                    };
                    break;
                case FetchAction.AskManifest ask:
                    _links[ask.Holder]?.AskManifest();
                    break;
                case FetchAction.Choose choose:
                    Choose(choose.TotalHash, cancellationToken);
                    break;
                case FetchAction.AskChunk ask:
                    var place = _manifest!.Place(ask.Chunk);
                    _links[ask.Holder]?.AskChunk(ask.Chunk, place, _manifest.HashOf(place), _manifest.ChunkBytes);
                    break;
                case FetchAction.Close close:
                    Close(close.Holder);
                    break;
                case FetchAction.Finish:
                    _isDone = true;
                    Array.ForEach(_links, link => link?.SayEnded());
                    break;
                case FetchAction.Fail fail:
                    throw Failed(fail);
            }
        }

        private CrossnodeException Failed(FetchAction.Fail fail)
        {
            var missing = _plan.FirstMissing;
            var progress = _manifest is null || missing < 0
                ? "no manifest was agreed on"
                : $"{_matched + _fetched} of {_targetBytes} bytes are here, the first missing are of tensor "
                    + $"'{_manifest.Tensors[_manifest.Place(missing).Tensor].Name}'";
            var what = _request.Version == StateServer.PublishedVersion
                ? "what members publish could not be fetched"
                : $"version {_request.Version} of the state could not be fetched";
            return fail.IsLate
                ? new DeadlineException($"{what} {fail.Text}. {progress}")
                : new LinkException($"{what}, no holder is left: {fail.Text}. {progress}");
        }

        private void Choose(UInt128 totalHash, CancellationToken cancellationToken)
        {
            _manifest = _manifests[totalHash];
            _manifests.Clear();
            if (_isManifestOnly)
            {
                _isDone = true;
                return;
            }

            FindTargets(_manifest);
            var needed = new bool[_manifest.ChunkCount];
            for (var chunk = 0; chunk < needed.Length; chunk++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var place = _manifest.Place(chunk);
                if (_targets[place.Tensor] is { } target)
                {
                    using var pinned = target.Pin();
                    needed[chunk] = XxHash128.HashToUInt128(new ReadOnlySpan<byte>(pinned.Address + place.Offset, place.Length))
                        != _manifest.HashOf(place);
                    _matched += needed[chunk] ? 0 : place.Length;
                }
            }

            _events.Enqueue(new FetchEvent.Compared(needed));
        }

        private void FindTargets(StateManifest manifest)
        {
            var places = new Dictionary<string, int>(StringComparer.Ordinal);
            for (var tensor = 0; tensor < manifest.Tensors.Count; tensor++)
            {
                places.Add(manifest.Tensors[tensor].Name, tensor);
            }

            _targets = new TensorBuffer?[manifest.Tensors.Count];
            foreach (var (name, buffer) in _request.Targets)
            {
                if (!places.TryGetValue(name, out var place))
                {
                    throw new InputException(
                        $"the run's state has no tensor '{name}', which this member has: start it with the run's model and settings");
                }

                var theirs = manifest.Tensors[place];
                if (theirs.Type != buffer.Type || theirs.Count != buffer.Count)
                {
                    throw new InputException(
                        $"tensor '{name}' has {theirs.Count} elements of {theirs.Type.Name()} in the run's state, here {buffer.Count} of "
                        + $"{buffer.Type.Name()}: start this member with the run's model and settings");
                }

                _targets[place] = buffer;
                _targetBytes += buffer.ByteLength;
            }
        }

        private void Take(int index, int number, in ChunkPlace place, ReadOnlySpan<byte> bytes)
        {
            if (_plan.IsHere(number))
            {
                return;
            }

            using var pinned = _targets[place.Tensor]!.Value.Pin();
            bytes.CopyTo(new Span<byte>(pinned.Address + place.Offset, place.Length));
            var member = _holders[index].Member;
            _fetched += place.Length;
            _bytesFrom[member] = _bytesFrom.GetValueOrDefault(member) + place.Length;
            _request.Progress?.Invoke(_matched + _fetched, _targetBytes, member);
        }

        private void Close(int index)
        {
            if (_links[index] is { } link)
            {
                link.Unwatch(_poller);
                link.Dispose();
                _links[index] = null;
            }
        }
    }
}
