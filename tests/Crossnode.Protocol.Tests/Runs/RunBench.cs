using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Tests.Runs;

/// <summary>A coordinator on a table: time by hand, members by hand. Stream 10 + k belongs to member k at first.</summary>
internal sealed class RunBench
{
    private readonly List<RunAction> _actions = [];
    private readonly Dictionary<uint, long> _streams = [];
    private long _nextStream = 100;

    public RunBench(
        int members,
        ProtocolRules rules = ProtocolRules.All,
        int minMembers = 1,
        ulong nonce = 0xC0FFEE,
        bool givesFirstNumbers = false,
        ulong term = 0,
        RunRecord? record = null)
    {
        Options = new RunOptions
        {
            ExpectedMembers = members, Nonce = nonce, MinMembers = minMembers, Rules = rules, GivesFirstNumbers = givesFirstNumbers,
            Term = term,
        };
        Machine = new RunMachine(Options, record);
    }

    /// <summary>How long a suspicion waits for what others say.</summary>
    public static TimeSpan Gather => TimeSpan.FromMilliseconds(50);

    public RunOptions Options { get; }

    public RunMachine Machine { get; }

    public RunPhase Phase => Machine.Phase;

    public ulong Round => Machine.Round;

    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1000);

    /// <summary>What the last event led to.</summary>
    public IReadOnlyList<RunAction> Actions => _actions;

    /// <summary>The record that the last event asked to store, if it did.</summary>
    public RunRecord? Stored => _actions.FirstOrDefault(action => action.Kind == RunActionKind.Store).Record;

    /// <summary>The last record that was to be stored.</summary>
    public RunRecord? LastStored { get; private set; }

    public View View => Machine.View!;

    public ViewIdRecord Id => View.Id.ToRecord();

    public static RunBench Started(
        int members, ProtocolRules rules = ProtocolRules.All, int minMembers = 1, ulong nonce = 0xC0FFEE)
    {
        var bench = new RunBench(members, rules, minMembers, nonce);
        for (uint member = 0; member < members; member++)
        {
            bench.Open(member, 10 + member);
        }

        Assert.Equal(RunPhase.Stable, bench.Phase);
        return bench;
    }

    public static ulong IncarnationOf(uint member) => 1000 + member;

    public void Event(RunEvent happened)
    {
        _actions.Clear();
        Machine.Step(Now, happened, _actions);
        LastStored = Stored ?? LastStored;
    }

    public long Open(uint member, long? stream = null, Hello? hello = null, ulong? incarnation = null, ulong term = 0)
    {
        hello ??= new Hello();
        hello.Incarnation = incarnation ?? IncarnationOf(member);
        hello.Endpoint = $"127.0.0.1:{5000 + member}";
        var id = stream ?? _nextStream++;
        if (incarnation is null)
        {
            _streams[member] = id;
        }

        Event(new RunEvent(RunEventKind.StreamOpened, id, new MemberId(member), new ControlMessage { Hello = hello, Term = term }));
        return id;
    }

    /// <summary>A process without a number says HELLO.</summary>
    public long Come(ulong incarnation, Hello? hello = null)
    {
        hello ??= new Hello();
        hello.Incarnation = incarnation;
        hello.Endpoint = $"127.0.0.1:{7000 + incarnation}";
        var id = _nextStream++;
        Event(new RunEvent(RunEventKind.StreamOpened, id, MemberId.Unassigned, new ControlMessage { Hello = hello }));
        return id;
    }

    public IEnumerable<Probe> ProbesOn(long stream) => SentOn(stream).Select(message => message.Probe).Where(probe => probe is not null);

    /// <summary>A newcomer says what its dial to a member gave.</summary>
    public void Reached(long stream, uint member, bool reached = true) =>
        Event(new RunEvent(RunEventKind.Message, stream, Message: ResultOf(member, IncarnationOf(member), reached)));

    /// <summary>A member says what its dial to a newcomer gave.</summary>
    public void CallResult(uint member, uint newcomer, ulong incarnation, bool reached) =>
        Message(member, ResultOf(newcomer, incarnation, reached));

    public void Heard(long stream) => Machine.Heard(stream, Now);

    /// <summary>Members 0 to a number below answer that nothing has committed.</summary>
    public void AnswerAll(uint members)
    {
        for (uint member = 0; member < members; member++)
        {
            Answer(member);
        }
    }

    public void Close(uint member) =>
        Event(new RunEvent(RunEventKind.StreamClosed, _streams[member], Text: "reset by peer"));

    public void Message(uint member, ControlMessage message) =>
        Event(new RunEvent(RunEventKind.Message, _streams[member], Message: message));

    public void Report(uint member, uint target, bool neverOpened = false, string reason = "reset by peer") => Message(
        member, new ControlMessage { LinkReport = ReportOf(target, neverOpened, reason) });

    public LinkReport ReportOf(uint target, bool neverOpened = false, string reason = "reset by peer") =>
        new() { View = Id, Member = target, NeverOpened = neverOpened, Reason = reason };

    /// <summary>Answers the current round; each tag is (tag, committed, highest started, mode).</summary>
    public void Answer(uint member, params (uint Tag, long Committed, long Started, uint Mode)[] tags) =>
        Message(member, new ControlMessage { Answer = AnswerOf(tags) });

    public Answer AnswerOf(params (uint Tag, long Committed, long Started, uint Mode)[] tags)
    {
        var answer = new Answer { View = Id, Round = Round };
        foreach (var (tag, committed, started, mode) in tags)
        {
            answer.Tags.Add(new TagAnswer
            {
                Tag = tag,
                Committed = committed,
                DataComplete = committed,
                HighestStarted = started,
                OnViewChange = mode,
            });
        }

        return answer;
    }

    /// <summary>An answer of one member that condemns operations.</summary>
    public void AnswerCondemning(uint member, params (uint Tag, long Sequence, uint Kind, string Reason)[] condemned)
    {
        var answer = AnswerOf();
        foreach (var (tag, sequence, kind, reason) in condemned)
        {
            answer.Condemned.Add(new Condemned { Tag = tag, Sequence = sequence, Kind = kind, Reason = reason });
        }

        Message(member, new ControlMessage { Answer = answer });
    }

    public void RequestChange(uint member) =>
        Message(member, new ControlMessage { ChangeRequest = new ChangeRequest { View = Id } });

    public void Leave(uint member) => Message(member, new ControlMessage { Leave = new Leave() });

    /// <summary>Lets time pass in steps of 10 ms; the named members are heard meanwhile, the actions pile up.</summary>
    public void Wait(TimeSpan time, params uint[] heard)
    {
        _actions.Clear();
        for (var end = Now + time; Now < end;)
        {
            Now += TimeSpan.FromMilliseconds(10);
            foreach (var member in heard)
            {
                Machine.Heard(_streams.GetValueOrDefault(member), Now);
            }

            Machine.Step(Now, new RunEvent(RunEventKind.Tick), _actions);
            LastStored = Stored ?? LastStored;
        }
    }

    /// <summary>Time passes, and the coordinator does not notice.</summary>
    public void Pause(TimeSpan time) => Now += time;

    public void Jump(TimeSpan time)
    {
        Now += time;
        Event(new RunEvent(RunEventKind.Tick));
    }

    public IEnumerable<ControlMessage> SentTo(uint member) => SentOn(_streams[member]);

    public IEnumerable<ControlMessage> SentOn(long stream) =>
        _actions.Where(action => action.Kind == RunActionKind.Send && action.Stream == stream).Select(action => action.Message!);

    public bool IsAsked(uint member) => SentTo(member).Any(message => message.Prepare is not null);

    public Evicted? EvictedOn(long stream) => SentOn(stream).Select(message => message.Evicted).FirstOrDefault(e => e is not null);

    public Evicted? EvictedAt(uint member) => EvictedOn(_streams[member]);

    public IEnumerable<uint> Members => View.Members.Select(member => member.Value);

    private static ControlMessage ResultOf(uint member, ulong incarnation, bool reached) => new()
    {
        ProbeResult = new ProbeResult { Member = member, Incarnation = incarnation, Reached = reached, Reason = reached ? "" : "refused" },
    };

    public TagRecord Tag(uint tag) => View.Record.Tags.Single(record => record.Tag == tag);

    public string TextOf(RunActionKind kind) => _actions.First(action => action.Kind == kind).Text!;

    public LinkCondition Link(uint first, uint second) =>
        View.Record.Links.FirstOrDefault(link => link.First == first && link.Second == second)?.Condition ?? LinkCondition.LinkUp;
}
