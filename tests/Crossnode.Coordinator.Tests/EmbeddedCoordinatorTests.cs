using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Coordinator.Tests;

[Trait("tier", "integration")]
public sealed class EmbeddedCoordinatorTests : IDisposable
{
    private readonly NewsBook _news = new();
    private readonly List<IDisposable> _opened = [];

    [Fact]
    public void Run_starts_changes_and_finishes_over_real_sockets()
    {
        var coordinator = Start(2);
        var (a, b) = (Join(coordinator, 0), Join(coordinator, 1));
        var first = a.ReadNewView();
        Assert.Equal(first, b.ReadNewView());
        Assert.Equal([0u, 1u], first.Members.Select(member => member.Id));

        b.Dispose();
        a.Send(new ControlMessage { LinkReport = new LinkReport { View = first.Id, Member = 1, Reason = "reset" } });
        var prepare = a.ReadMessage().Prepare;
        Assert.Equal(first, prepare.View);
        a.Send(new ControlMessage { Answer = new Answer { View = first.Id, Round = prepare.Round } });
        var second = a.ReadNewView();
        Assert.Equal(first.Id, second.Predecessor);
        Assert.Equal([0u], second.Members.Select(member => member.Id));
        Assert.Equal(new MemberId(1), _news.WaitFor(RunNewsKind.MemberGone).Member);

        a.Send(new ControlMessage { Note = new Note { Topic = "step", Json = "{\"step\":1}" } });
        Assert.Equal("{\"step\":1}", _news.WaitFor(RunNewsKind.Note, "step").Json);
        a.Send(new ControlMessage { Leave = new Leave() });
        prepare = a.ReadMessage().Prepare;
        a.Send(new ControlMessage { Answer = new Answer { View = second.Id, Round = prepare.Round, Leaving = true } });
        Assert.True(a.ReadMessage().Evicted.Left);
        a.ReadToEnd();
        _news.WaitFor(RunNewsKind.Finished);
    }

    [Fact]
    public void Other_versions_runs_and_purposes_are_refused_by_status_and_the_run_is_undisturbed()
    {
        var coordinator = Start(1);
        var sound = RawMember.PreambleOf(coordinator.Run);
        var refused = new (Preamble Preamble, PreambleStatus Status)[]
        {
            (sound with { Major = 9 }, PreambleStatus.OtherVersion),
            (sound with { Run = new RunId(1, 2) }, PreambleStatus.OtherRun),
            (sound with { Purpose = StreamPurpose.Link }, PreambleStatus.Refused),
        };
        foreach (var (preamble, status) in refused)
        {
            var stranger = Connect(coordinator);
            stranger.Send(preamble.ToArray());

            // A real member of another version would go on talking at once.
            stranger.Send(new ControlMessage { Hello = new Hello() });
            Assert.Equal(status, stranger.ReadPreamble().Status);
            stranger.ReadToEnd();
            _news.WaitFor(RunNewsKind.Log, $"{status}");
        }

        Assert.Single(Join(coordinator, 0).ReadNewView().Members);
    }

    [Fact]
    public void Garbage_and_silence_are_closed_and_the_run_is_undisturbed()
    {
        var coordinator = Start(1, handshake: TimeSpan.FromMilliseconds(300));
        var member = Join(coordinator, 0);
        var view = member.ReadNewView();

        var browser = Connect(coordinator);
        browser.Send("GET / HTTP/1.1\r\n\r\n"u8);
        browser.ReadToEnd();
        _news.WaitFor(RunNewsKind.Log, "does not speak Crossnode");

        var silent = Connect(coordinator);
        silent.ReadToEnd();
        _news.WaitFor(RunNewsKind.Log, "no preamble came");

        var half = Connect(coordinator);
        half.Send(RawMember.PreambleOf(coordinator.Run).ToArray().AsSpan(0, 40));
        half.ReadToEnd();

        var mute = Connect(coordinator);
        mute.Send(RawMember.PreambleOf(coordinator.Run).ToArray());
        mute.ReadToEnd();
        _news.WaitFor(RunNewsKind.Log, "did not say HELLO");

        var gone = Connect(coordinator);
        gone.Dispose();

        member.Send(new ControlMessage { ChangeRequest = new ChangeRequest { View = view.Id } });
        Assert.Equal(view, member.ReadMessage().Prepare.View);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Member_that_sends_broken_frames_loses_its_stream_and_nobody_else_does(int kind)
    {
        var coordinator = Start(2);
        var (a, b) = (Join(coordinator, 0), Join(coordinator, 1));
        var view = a.ReadNewView();
        b.ReadNewView();
        b.Send(Broken(kind));
        b.ReadToEnd();
        a.Send(new ControlMessage { LinkReport = new LinkReport { View = view.Id, Member = 1, Reason = "reset" } });
        var prepare = a.ReadMessage().Prepare;
        a.Send(new ControlMessage { Answer = new Answer { View = view.Id, Round = prepare.Round } });
        Assert.Single(a.ReadNewView().Members);
        _news.WaitFor(RunNewsKind.MemberGone, " sent ");
    }

    [Fact]
    public void Evicted_process_reads_why_even_if_it_was_talking()
    {
        var coordinator = Start(1);
        var first = Join(coordinator, 0);
        first.ReadNewView();
        using var life = new Timer(_ => first.Send(new ControlMessage { Heartbeat = new Heartbeat() }), null, 0, 100);
        var second = Join(coordinator, 0, incarnation: 2);
        for (var count = 0; count < 100; count++)
        {
            second.Send(new ControlMessage { Note = new Note { Topic = "chatter", Json = new string('x', 1000) } });
        }

        Assert.Contains("two processes use the same worker number 0", second.ReadMessage().Evicted.Reason, StringComparison.Ordinal);
        second.ReadToEnd();
    }

    [Fact]
    public void Runs_on_one_machine_never_meet()
    {
        var (one, other) = (Start(1), Start(1));
        Assert.NotEqual(one.Address, other.Address);
        var (a, b) = (Join(one, 0), Join(other, 0));
        Assert.NotEqual(a.ReadNewView().Id, b.ReadNewView().Id);
    }

    [Fact]
    public void Missing_workers_fail_the_start_and_are_named()
    {
        var coordinator = Start(3, start: TimeSpan.FromMilliseconds(200));
        var member = Join(coordinator, 1);
        Assert.Contains("workers 0, 2 did not come", member.ReadMessage().Evicted.Reason, StringComparison.Ordinal);
        _news.WaitFor(RunNewsKind.Failed, "workers 0, 2 did not come");
    }

    [Fact]
    public void Port_in_use_and_foreign_addresses_are_refused_in_a_sentence()
    {
        var coordinator = Start(1);
        var port = int.Parse(coordinator.Address.Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture);
        var inUse = Assert.Throws<InputException>(() => Start(1, port: port));
        Assert.Contains(coordinator.Address, inUse.Message, StringComparison.Ordinal);
        var open = Assert.Throws<InputException>(() => Start(1, host: "0.0.0.0"));
        Assert.Contains("--insecure", open.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Handler_that_throws_ends_the_coordinator_not_the_process()
    {
        var options = new CoordinatorOptions { ExpectedMembers = 1, Run = new RunId(3, 4) };
        using var coordinator = EmbeddedCoordinator.Start(options, new TcpTransport(), news =>
        {
            _news.Add(news);
            if (news.Kind == RunNewsKind.ViewAnnounced)
            {
                throw new InvalidOperationException("the live view broke");
            }
        });
        Join(coordinator, 0).ReadToEnd();
        _news.WaitFor(RunNewsKind.Failed, "the live view broke");
    }

    [Fact]
    public void Disposal_closes_every_stream_and_frees_the_port()
    {
        var coordinator = Start(1);
        var member = Join(coordinator, 0);
        member.ReadNewView();
        coordinator.Dispose();
        member.ReadToEnd();
        var port = int.Parse(coordinator.Address.Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture);
        member.Dispose();
        Assert.Throws<System.Net.Sockets.SocketException>(() => new RawMember($"127.0.0.1:{port}"));
        coordinator.Dispose();
    }

    public void Dispose() => _opened.ForEach(opened => opened.Dispose());

    private static byte[] Broken(int kind)
    {
        var bytes = new byte[FrameHeader.Size + 16];
        switch (kind)
        {
            case 0: // no frame type
                bytes[0] = 99;
                break;
            case 1: // a data frame on a control stream
                new FrameHeader { Type = FrameType.Data, Sequence = 1, Length = 16 }.Write(bytes);
                break;
            case 2: // a body that is no message
                new FrameHeader { Type = FrameType.Control, Length = 16 }.Write(bytes);
                bytes.AsSpan(FrameHeader.Size).Fill(0xFF);
                break;
            default: // a body of any size
                new FrameHeader { Type = FrameType.Control, Length = int.MaxValue }.Write(bytes);
                break;
        }

        return bytes;
    }

    private EmbeddedCoordinator Start(
        int members, TimeSpan? handshake = null, TimeSpan? start = null, string host = "127.0.0.1", int port = 0)
    {
        var options = new CoordinatorOptions
        {
            ExpectedMembers = members,
            Run = RunId.Create(new SystemRandomSource()),
            Host = host,
            Ports = new PortRange(port, port),
            HandshakeTimeout = handshake ?? TimeSpan.FromSeconds(20),
            StartTimeout = start ?? TimeSpan.FromSeconds(60),
        };
        var coordinator = EmbeddedCoordinator.Start(options, new TcpTransport(), _news.Add);
        _opened.Add(coordinator);
        return coordinator;
    }

    private RawMember Join(EmbeddedCoordinator coordinator, uint member, ulong incarnation = 1)
    {
        var raw = RawMember.Join(coordinator, member, incarnation);
        _opened.Add(raw);
        return raw;
    }

    private RawMember Connect(EmbeddedCoordinator coordinator)
    {
        var raw = new RawMember(coordinator.Address);
        _opened.Add(raw);
        return raw;
    }
}
