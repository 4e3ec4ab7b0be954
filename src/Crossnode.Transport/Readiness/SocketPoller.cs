namespace Crossnode.Transport;

/// <summary>Keeps the list of what is watched, and hands it to the system's wait when it has changed.</summary>
/// <remarks>
/// TCP and shared memory in one list. Before it sleeps it asks the peers behind shared memory to ring, and looks at that memory
/// once more; <see cref="WaitFlag"/> says why no wake-up is lost.
/// </remarks>
internal sealed class SocketPoller(IReadinessWait wait) : Poller
{
    // A hello follows its connect within microseconds, so this is rare and short.
    private static readonly TimeSpan AnotherLook = TimeSpan.FromMilliseconds(1);

    private readonly List<Watched> _watched = [];
    private readonly List<(int Place, IDoorbellOwner Owner)> _bells = [];
    private bool[] _isArmed = [];
    private readonly Dictionary<ISocketOwner, int> _places = new(ReferenceEqualityComparer.Instance);
    private bool _isChanged = true;
    private bool _hasOutcome;
    private bool _isDisposed;

    public override void Watch(Connection connection, bool read, bool write) => Watch((object)connection, read, write);

    public override void Watch(Listener listener) => Watch(listener, read: true, write: false);

    public override void Watch(PendingConnect pending)
    {
        Watch(pending, read: false, write: true);

        // An attempt may have failed, or have been answered, before it was watched: that is something to look at, too.
        _hasOutcome |= !_places.ContainsKey((ISocketOwner)pending);
    }

    public override void Unwatch(object pollable)
    {
        if (pollable is ISocketOwner owner && _places.TryGetValue(owner, out var place))
        {
            RemoveAt(place);
        }
    }

    public override void Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        for (var i = _watched.Count - 1; i >= 0; i--)
        {
            // A closed socket's number may already belong to another one.
            if (_watched[i].Owner.Socket is null)
            {
                RemoveAt(i);
            }
        }

        if (_isChanged)
        {
            _isChanged = false;
            wait.Set(_watched);
            FindBells();
        }

        var sleeps = timeout > TimeSpan.Zero && !_hasOutcome && TryArm();
        wait.Wait(!sleeps ? TimeSpan.Zero : NeedsAnotherLook() && timeout > AnotherLook ? AnotherLook : timeout);
        _hasOutcome = false;
        Disarm();
    }

    public override bool IsReady(Connection connection) =>
        connection is not ISocketOwner owner || _isChanged || !_places.TryGetValue(owner, out var place)
            || (owner is IDoorbellOwner bell ? bell.IsReady(_watched[place].Read, _watched[place].Write) : wait.IsReady(place));

    public override void Wake() => wait.Wake();

    public override void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _watched.Clear();
            _places.Clear();
            wait.Dispose();
        }
    }

    private void Watch(object pollable, bool read, bool write)
    {
        ArgumentNullException.ThrowIfNull(pollable);
        if (pollable is not ISocketOwner owner)
        {
            throw new ArgumentException("this poller watches only what its own transport made", nameof(pollable));
        }

        var isKnown = _places.TryGetValue(owner, out var place);
        if (owner.Socket is not { } socket || (!read && !write))
        {
            if (isKnown)
            {
                RemoveAt(place);
            }

            return;
        }

        var wanted = new Watched(owner, socket, read, write);
        if (!isKnown)
        {
            _places[owner] = _watched.Count;
            _watched.Add(wanted);
            _isChanged = true;
        }
        else if (_watched[place].Read != read || _watched[place].Write != write)
        {
            _watched[place] = wanted;
            _isChanged = true;
        }
    }

    private void FindBells()
    {
        _bells.Clear();
        for (var i = 0; i < _watched.Count; i++)
        {
            if (_watched[i].Owner is IDoorbellOwner owner)
            {
                _bells.Add((i, owner));
            }
        }

        if (_isArmed.Length < _bells.Count)
        {
            _isArmed = new bool[2 * _bells.Count];
        }
    }

    // False when there is something to do already; what was armed until then is disarmed all the same.
    private bool TryArm()
    {
        for (var i = 0; i < _bells.Count; i++)
        {
            var (place, owner) = _bells[i];
            var item = _watched[place];
            _isArmed[i] = owner.TryArm(item.Read, item.Write);
            if (!_isArmed[i] || owner.IsReady(item.Read, item.Write))
            {
                return false;
            }
        }

        return true;
    }

    private void Disarm()
    {
        for (var i = 0; i < _bells.Count; i++)
        {
            var (place, owner) = _bells[i];
            if (_isArmed[i])
            {
                _isArmed[i] = false;
                owner.Disarm();
            }

            if (wait.IsReady(place))
            {
                owner.Answer();
            }
        }
    }

    private bool NeedsAnotherLook()
    {
        foreach (var item in _watched)
        {
            if (item.Owner.NeedsAnotherLook)
            {
                return true;
            }
        }

        return false;
    }

    private void RemoveAt(int place)
    {
        _places.Remove(_watched[place].Owner);
        var last = _watched.Count - 1;
        if (place != last)
        {
            _watched[place] = _watched[last];
            _places[_watched[place].Owner] = place;
        }

        _watched.RemoveAt(last);
        _isChanged = true;
    }
}
