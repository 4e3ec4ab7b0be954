using System.Globalization;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Google.Protobuf;

namespace Crossnode.Protocol.Members;

/// <summary>The control stream: opened for ever, by turns at every address, and of no term but the highest (R6, R21).</summary>
public sealed partial class MemberMachine
{
    private bool _controlUp;
    private bool _controlConnecting;

    // Something came on this stream, of a term that counts.
    private bool _controlUsed;
    private bool _lostUnused;
    private int _address;
    private TimeSpan _pause;
    private TimeSpan _controlHeard;
    private TimeSpan _connectingSince;
    private TimeSpan _reconnectAt;
    private TimeSpan? _awaySince;
    private string _awayText = "";
    private bool _toldAway;
    private ulong _term;

    /// <summary>The highest term of a coordinator that this member has heard of; 0 for none.</summary>
    public ulong Term => _term;

    /// <summary>Notes that something was heard on the control stream.</summary>
    public void HeardControl(TimeSpan now) => _controlHeard = now;

    /// <summary>Says that this member waits for the coordinator, where and since when, and what for; null when it does not.</summary>
    public string? WaitText(TimeSpan now) =>
        View is null || !NeedsView() ? null
        : _controlUp ? $"waiting for the coordinator {Coordinator} to announce a view{WhyWaiting()}"
        : $"waiting for the coordinator {Coordinator}, {AwayText(now)}{WhyWaiting()}";

    private string Coordinator => string.Join(" or ", _options.Coordinators);

    private void ControlUp(TimeSpan now, List<MemberAction> actions)
    {
        _controlUp = true;
        _controlConnecting = false;
        _controlUsed = false;
        _controlHeard = now;
        actions.Add(Send(new ControlMessage { Hello = Hello(now), Term = _term }));
    }

    private void ControlDown(TimeSpan now, string text)
    {
        // A stream that was of use is opened again where it was, at once; after one that was not, elsewhere and later. One that was
        // lost before anything came on it gets a second chance: elsewhere there may be nobody to refuse a dial.
        var hasSecondChance = _controlUp && !_lostUnused;
        _lostUnused = hasSecondChance && !_controlUsed;
        if (_controlUsed)
        {
            _pause = TimeSpan.Zero;
        }
        else if (!hasSecondChance)
        {
            _address = (_address + 1) % _options.Coordinators.Count;
        }

        // Longer with each round of all addresses, not with each address: the coordinator counts the time until one comes back.
        if (_pause == TimeSpan.Zero)
        {
            _pause = _options.ReconnectAfter;
        }
        else if (_address == 0)
        {
            _pause = _pause * 2 < _options.ReconnectAtMost ? _pause * 2 : _options.ReconnectAtMost;
        }

        _controlUp = false;
        _controlConnecting = false;
        _controlUsed = false;
        _reconnectAt = now + _pause;
        _awaySince ??= now;
        _awayText = text;
        ForgetNumber();
    }

    // R14: a number that was given on a stream dies with it, unless a view holds it. So does the term: where no view is known, none
    // can be lost, and a run whose record is lost before its first view begins anew.
    private void ForgetNumber()
    {
        if (View is null)
        {
            Self = _options.Self;
            _term = 0;
        }
    }

    // R21: a coordinator of a lower term than one that was heard before has been deposed.
    private bool IsOfThisTerm(TimeSpan now, ControlMessage message, List<MemberAction> actions)
    {
        if (Has(ProtocolRules.R21) && message.Term > 0 && message.Term < _term)
        {
            _controlUsed = false;
            _controlUp = false;
            ControlDown(now, $"it has term {message.Term}, and one with term {_term} has taken over");
            actions.Add(new MemberAction(MemberActionKind.CloseControl));
            return false;
        }

        _term = Math.Max(_term, message.Term);
        _controlUsed = true;
        _pause = TimeSpan.Zero;
        if (_toldAway)
        {
            _toldAway = false;
            actions.Add(new MemberAction(MemberActionKind.Notice, Text: $"the coordinator {Coordinator} is back"));
        }

        _awaySince = null;
        return true;
    }

    private void CheckControl(TimeSpan now, List<MemberAction> actions)
    {
        if (_controlUp && now - _controlHeard > _options.EvictAfter)
        {
            // Nothing says that it is gone; but where there are others, the next attempt is for them.
            _controlUsed &= _options.Coordinators.Count == 1;
            _controlUp = false;
            ControlDown(now, $"nothing heard for {Seconds(_options.EvictAfter)} s");
            _reconnectAt = now;
            actions.Add(new MemberAction(MemberActionKind.CloseControl));
        }

        // Somebody took the connection and says nothing, or nothing is there to refuse it.
        var patience = _options.Coordinators.Count == 1 ? _options.EvictAfter : _options.DialTimeout;
        if (_controlConnecting && now - _connectingSince > patience)
        {
            ControlDown(now, $"no answer within {Seconds(patience)} s");
            actions.Add(new MemberAction(MemberActionKind.CloseControl));
        }

        if (!_controlUp && !_controlConnecting && now >= _reconnectAt)
        {
            _controlConnecting = true;
            _connectingSince = now;
            actions.Add(new MemberAction(MemberActionKind.ConnectControl, _address));
        }
    }

    // Only when it matters: without a coordinator everything goes on until somebody needs one.
    private void TellIfAway(TimeSpan now, List<MemberAction> actions)
    {
        if (!_toldAway && _awaySince is { } since && now - since > _options.DialTimeout && WaitText(now) is { } text)
        {
            _toldAway = true;
            actions.Add(new MemberAction(MemberActionKind.Notice, Text: text));
        }
    }

    private string AwayText(TimeSpan now) => _awaySince is { } since
        ? $"away for {Seconds(now - since)} s" + (_awayText.Length > 0 ? $": {_awayText}" : "")
        : "which has not been reached yet";

    private string WhyWaiting() => IsFrozen ? "; the view is frozen"
        : _reports.Count > 0 ? $"; {string.Join(", ", _reports.Values.Select(report => $"member {report.Member} is suspected ({report.Reason})"))}"
        : _condemned.Count > 0 ? "; operations were given up"
        : _leaving ? "; this member leaves"
        : "";

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);

    private Recalled MakeRecalled() => new()
    {
        View = View!.Record, Expected = (uint)_options.Expected, Charter = ByteString.CopyFrom(_options.Charter.Span),
    };

    private Hello Hello(TimeSpan now)
    {
        var hello = new Hello
        {
            View = View?.Id.ToRecord(),
            Incarnation = _options.Incarnation,
            Endpoint = _options.Endpoint,
            Leaving = _leaving,
            InstalledMs = View is null ? 0 : (ulong)(now - _installedAt).TotalMilliseconds,
        };
        if (View is null)
        {
            hello.Waits = _waits;
            hello.Expected = (uint)_options.Expected;
            hello.Charter = ByteString.CopyFrom(_options.Charter.Span);
        }

        if (Has(ProtocolRules.R6))
        {
            hello.Frozen = IsFrozen;
            hello.Reports.AddRange(_reports.Values);
            hello.Condemned.AddRange(_condemned.Values);
        }

        return hello;
    }
}
