using System.Text.Json;
using System.Text.Json.Serialization;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Training.Joining;

namespace Crossnode.Training.Sampling;

/// <summary>Deals a dataset's samples to members: each one exactly once an epoch in a step that committed.</summary>
/// <remarks>
/// Every member runs its own copy and feeds it the same: one <see cref="Deal"/> and one <see cref="Committed"/> a step. All
/// copies stay equal without a message, because each step is dealt among the members of the step before, a list on which
/// they agree; a view that changes in the meantime changes nothing. A dead member's samples of the step come back and are
/// dealt next. A step never crosses the end of an epoch, so the last one may be small, and some members get nothing.
/// </remarks>
public sealed class ShardedSampler : ICarriedState
{
    private readonly ShardedSamplerOptions _options;
    private IndexPermutation _order;
    private List<long> _returned;
    private List<long[]>? _pending;
    private long _epoch;
    private long _dealt;
    private MemberId[] _members;

    /// <summary>Starts at the first epoch.</summary>
    /// <param name="options">How to deal.</param>
    /// <param name="members">The members of the first step, on which all agree: those of the initial broadcast.</param>
    public ShardedSampler(ShardedSamplerOptions options, IReadOnlyList<MemberId> members)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Validated();
        _members = Checked(members);
        _returned = [];
        _order = new IndexPermutation(_options.Seed, 0, _options.SampleCount);
    }

    /// <summary>Goes on from a position.</summary>
    /// <exception cref="InputException">The position is of another version, dataset or seed.</exception>
    public ShardedSampler(ShardedSamplerOptions options, SamplerPosition position)
        : this(options, [.. (position ?? throw new ArgumentNullException(nameof(position))).Members.Select(m => new MemberId(m))]) =>
        Load(position);

    /// <summary>The epoch of the step that is being dealt, from 0.</summary>
    public long Epoch => _epoch;

    /// <summary>The members among whom the next step is dealt.</summary>
    public IReadOnlyList<MemberId> Members => _members;

    /// <summary>Where the sampler stands; a step that is dealt but not committed counts as not dealt.</summary>
    public SamplerPosition Position => new()
    {
        Seed = _options.Seed,
        SampleCount = _options.SampleCount,
        Epoch = _epoch,
        Dealt = _dealt,
        Returned = [.. _pending?.SelectMany(b => b) ?? [], .. _returned],
        Members = [.. _members.Select(m => m.Value)],
    };

    /// <inheritdoc />
    public string Name => "sampler";

    /// <inheritdoc />
    public byte[] Save() => JsonSerializer.SerializeToUtf8Bytes(Position, SamplerJson.Default.SamplerPosition);

    /// <inheritdoc />
    public void Load(ReadOnlySpan<byte> saved)
    {
        SamplerPosition? position;
        try
        {
            position = JsonSerializer.Deserialize(saved, SamplerJson.Default.SamplerPosition);
        }
        catch (JsonException broken)
        {
            throw new InputException($"the sampler position cannot be read ({broken.Message}): use an earlier checkpoint", broken);
        }

        Load(position ?? throw new InputException("the sampler position is empty: use an earlier checkpoint"));
    }

    /// <summary>What a member computes in this step; the same answer until the step has ended.</summary>
    /// <remarks>A member that was not in the step before gets nothing: it takes part with no samples, and is dealt some next.</remarks>
    public StepShare Deal(MemberId member)
    {
        _pending ??= Draw();
        var rank = Array.IndexOf(_members, member);
        var own = rank < 0 ? [] : _pending.Where((_, i) => i % _members.Length == rank).ToList();
        var total = own.Sum(b => (long)b.Length);
        var batches = own.ConvertAll(b => new MicroBatch(Array.ConvertAll(b, SampleAt), (double)b.Length / total));
        return new StepShare(_epoch, batches, total);
    }

    /// <summary>Deals the next step among other members: after a state of other members was loaded, before anything is dealt.</summary>
    /// <exception cref="InvalidOperationException">A step is dealt already.</exception>
    public void DealAmong(IReadOnlyList<MemberId> members)
    {
        if (_pending is not null)
        {
            throw new InvalidOperationException("a step is dealt: members change when it ends, with Committed");
        }

        _members = Checked(members);
    }

    /// <summary>Ends a step that committed.</summary>
    /// <param name="members">Its members, as the outcome lists them: the samples of others come back.</param>
    public void Committed(IReadOnlyList<MemberId> members)
    {
        var next = Checked(members);
        var pending = _pending ?? throw new InvalidOperationException("no step is dealt: call Deal before Committed");
        var lost = pending.Where((_, i) => !next.Contains(_members[i % _members.Length]));
        _returned = [.. lost.SelectMany(b => b), .. _returned];
        _members = next;
        _pending = null;
    }

    /// <summary>Ends a step that committed nowhere: all its samples come back. Call it on every member, or on none.</summary>
    public void NotCommitted()
    {
        _returned = [.. _pending?.SelectMany(b => b) ?? [], .. _returned];
        _pending = null;
    }

    private void Load(SamplerPosition position)
    {
        if (position.Version != SamplerPosition.CurrentVersion)
        {
            throw new InputException(
                $"the sampler position has version {position.Version}, this program reads {SamplerPosition.CurrentVersion}: "
                + "use the program that wrote it");
        }

        if (position.SampleCount != _options.SampleCount || position.Seed != _options.Seed)
        {
            throw new InputException(
                $"the sampler position is of {position.SampleCount} samples with seed {position.Seed}, this run has "
                + $"{_options.SampleCount} with seed {_options.Seed}: use the same data and seed, or start anew");
        }

        if (position.Epoch < 0 || position.Dealt < 0 || position.Dealt > position.SampleCount
            || position.Returned.Any(p => p < 0 || p >= position.Dealt)
            || position.Returned.Distinct().Count() != position.Returned.Count)
        {
            throw new InputException("the sampler position contradicts itself: use an earlier checkpoint");
        }

        _members = Checked([.. position.Members.Select(m => new MemberId(m))]);
        _pending = null;
        _epoch = position.Epoch;
        _dealt = position.Dealt;
        _returned = [.. position.Returned];
        _order = new IndexPermutation(_options.Seed, _epoch, _options.SampleCount);
    }

    private static MemberId[] Checked(IReadOnlyList<MemberId> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        if (members.Count == 0 || members.Distinct().Count() != members.Count)
        {
            throw new ArgumentException("a step needs members, each once", nameof(members));
        }

        return [.. members];
    }

    private List<long[]> Draw()
    {
        if (_returned.Count == 0 && _dealt == _options.SampleCount)
        {
            _epoch++;
            _dealt = 0;
            _order = new IndexPermutation(_options.Seed, _epoch, _options.SampleCount);
        }

        var batches = (long)_options.MicroBatchesPerStep * (_options.PerWorkerBatch ? _members.Length : 1);
        var wanted = batches * _options.MicroBatchSize;
        var old = (int)Math.Min(wanted, _returned.Count);
        var fresh = Math.Min(wanted - old, _options.SampleCount - _dealt);
        var places = new long[old + fresh];
        _returned.CopyTo(0, places, 0, old);
        _returned.RemoveRange(0, old);
        for (var i = 0L; i < fresh; i++)
        {
            places[old + i] = _dealt + i;
        }

        _dealt += fresh;
        return [.. places.Chunk(_options.MicroBatchSize)];
    }

    private long SampleAt(long place) => _options.Shuffle ? _order[place] : place;
}

/// <summary>Reads and writes positions without reflection.</summary>
[JsonSerializable(typeof(SamplerPosition))]
internal sealed partial class SamplerJson : JsonSerializerContext;
