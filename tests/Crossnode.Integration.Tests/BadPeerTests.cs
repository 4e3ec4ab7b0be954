using System.Collections.Concurrent;
using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator;
using Crossnode.Coordinator.Tests;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: bytes that no member sends cost their sender its link, and nobody else anything. Method: real sessions, and
/// plain sockets that say what the test tells them to.</summary>
[Trait("tier", "integration")]
public sealed class BadPeerTests
{
    [Fact]
    public void Strangers_at_a_members_listener_are_closed_and_the_run_is_undisturbed()
    {
        using var cluster = new LocalCluster(new TcpTransport(), 2);
        var address = cluster.Sessions[0].Endpoint;
        var run = cluster.Run;
        var sound = LinkPreamble(run, member: 1, cluster.Sessions[0].View.Id, incarnation: 1001);
        using (var browser = new RawMember(address))
        {
            browser.Send("GET / HTTP/1.1\r\n\r\n"u8);
            browser.ReadToEnd();
        }

        using (var torn = new RawMember(address))
        {
            torn.Send(sound.ToArray().AsSpan(0, 40));
        }

        using var silent = new RawMember(address);
        var refused = new (Preamble Preamble, PreambleStatus Status)[]
        {
            (sound with { Major = 9 }, PreambleStatus.OtherVersion),
            (sound with { Run = new RunId(1, 2) }, PreambleStatus.OtherRun),
            (sound with { Purpose = StreamPurpose.Control }, PreambleStatus.Refused),
            (sound with { View = new ViewId(0, 1) }, PreambleStatus.OldView),
            (sound with { Member = new MemberId(7) }, PreambleStatus.Refused),
            (sound with { Incarnation = 1 }, PreambleStatus.Refused),

            // The link of this very pair is open already.
            (sound, PreambleStatus.Refused),
        };
        foreach (var (preamble, status) in refused)
        {
            using var stranger = new RawMember(address);
            stranger.Send(preamble.ToArray());
            Assert.Equal(status, stranger.ReadPreamble().Status);
            stranger.ReadToEnd();
        }

        cluster.OnAll((_, session) =>
        {
            float[] values = [1];
            Assert.Equal(1, session.Run(SessionTests.Sum(values, values)).ThrowIfFailed().View.Epoch);
            Assert.Equal(2, values[0]);
            return true;
        });
        Assert.Contains(cluster.Log, line => line.Contains("does not speak Crossnode", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("type", "frame type 99")]
    [InlineData("control", "sent a Control frame")]
    [InlineData("token", "barrier token of round 5")]
    [InlineData("huge", "a data frame of 2147483647 bytes")]
    [InlineData("uncredited", "for operations that were not started here")]
    [InlineData("empties", "for operations that were not started here")]
    [InlineData("credits", "twice")]
    // A close with bytes unread becomes a reset.
    [InlineData("cut header", "closed|reset")]
    [InlineData("cut payload", "closed|reset")]
    [InlineData("slice", "was expected")]
    [InlineData("part", "part 9")]
    public void Member_that_breaks_the_rules_on_a_link_is_left_out_and_the_others_go_on(string kind, string text)
    {
        using var pair = new PairWithImpostor();
        float[] values = [3];
        var outcome = pair.Reduce(values, meanwhile: () => pair.Break(kind));
        Assert.Equal(OperationStatus.Completed, outcome.Status);
        Assert.Equal([new MemberId(0)], outcome.Members);
        Assert.Equal(3, values[0]);
        Assert.Contains(pair.Log, line => line.Contains("member 1 of view 1 is broken", StringComparison.Ordinal)
            && text.Split('|').Any(part => line.Contains(part, StringComparison.Ordinal)));
    }

    [Fact]
    public void Early_data_that_no_plan_has_breaks_its_link_when_the_operation_is_called()
    {
        using var pair = new PairWithImpostor();
        pair.Break("slice");
        float[] values = [3];
        var outcome = pair.Reduce(values);
        Assert.Equal([new MemberId(0)], outcome.ThrowIfFailed().Members);
        Assert.Equal(3, values[0]);
    }

    [Fact]
    public void Member_with_an_address_that_is_none_costs_a_link_and_breaks_no_session()
    {
        using var pair = new PairWithImpostor(impostor: 0);
        float[] values = [3];

        // With two members and no link, the first one stays.
        Assert.Contains("no working link joins it", pair.Reduce(values).Error!.Message, StringComparison.Ordinal);
        Assert.Equal(3, values[0]);
        Assert.Contains(pair.Log, line => line.Contains("'nowhere' is no address", StringComparison.Ordinal));
    }

    private static Preamble LinkPreamble(RunId run, uint member, ViewId view, ulong incarnation) => new()
    {
        Run = run, Purpose = StreamPurpose.Link, View = view, Member = new MemberId(member), Incarnation = incarnation,
    };

    /// <summary>A run of two: a session, and a socket that plays the other member and opens a link to it.</summary>
    private sealed class PairWithImpostor : IDisposable
    {
        private readonly EmbeddedCoordinator _coordinator;
        private readonly RawMember _stream;
        private readonly ViewRecord _view;
        private readonly RawMember? _link;

        public PairWithImpostor(uint impostor = 1)
        {
            _coordinator = EmbeddedCoordinator.Start(
                new CoordinatorOptions { ExpectedMembers = 2, Run = RunId.Create(new SystemRandomSource()) }, new TcpTransport());
            var joining = Task.Run(() => Session.Join(
                new SessionOptions
                {
                    Run = _coordinator.Run,
                    Coordinator = _coordinator.Address,
                    Self = new MemberId(1 - impostor),
                    Incarnation = 77,
                    Logger = new QueueLogger(Log),
                },
                new TcpTransport()));
            _stream = RawMember.Join(
                _coordinator, impostor, hello: new Hello { Endpoint = impostor == 0 ? "nowhere" : "127.0.0.1:1" });
            _view = _stream.ReadNewView();
            Session = joining.GetAwaiter().GetResult();
            if (impostor == 1)
            {
                _link = new RawMember(Session.Endpoint);
                _link.Send(LinkPreamble(_coordinator.Run, impostor, Session.View.Id, incarnation: 1).ToArray());
                Assert.Equal(PreambleStatus.Ok, _link.ReadPreamble().Status);
            }
        }

        public ConcurrentQueue<string> Log { get; } = new();

        public Session Session { get; }

        public void Break(string kind)
        {
            var data = new FrameHeader { Type = FrameType.Data, Sequence = 1, Length = 4, OperationHash = 5 };
            var credit = new FrameHeader { Type = FrameType.Credit, Sequence = 2, OperationHash = 5 };
            switch (kind)
            {
                case "type":
                    Send(new FrameHeader { Type = (FrameType)99 });
                    break;
                case "control":
                    Send(new FrameHeader { Type = FrameType.Control });
                    break;
                case "token":
                    Send(new FrameHeader { Type = FrameType.Token, Sequence = 1, Step = 5 });
                    break;
                case "huge":
                    Send(data with { Length = int.MaxValue });
                    break;
                case "uncredited":
                    Send(data with { Sequence = 2, Length = FrameHeader.MaxDataLength });
                    break;
                case "empties":
                    var empties = new byte[FrameHeader.Size * 50_000];
                    for (var at = 0; at < empties.Length; at += FrameHeader.Size)
                    {
                        (data with { Sequence = 2, Length = 0 }).Write(empties.AsSpan(at));
                    }

                    SendWhatFits(empties);
                    break;
                case "credits":
                    Send(credit);
                    Send(credit);
                    break;
                case "cut header":
                    _link!.Send(new byte[10]);
                    _link.Dispose();
                    break;
                case "cut payload":
                    Send(data with { Sequence = 2, Length = 1000 });
                    _link!.Send(new byte[10]);
                    _link.Dispose();
                    break;
                case "slice":
                    Send(data with { Step = 1, Offset = 12, OperationHash = HashOfSum });
                    _link!.Send(new byte[4]);
                    break;
                case "part":
                    Send(data with { Part = 9, OperationHash = HashOfSum });
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
            }
        }

        /// <summary>Sums the session's own values, with whom is left.</summary>
        public OperationOutcome Reduce(float[] values, Action? meanwhile = null)
        {
            var pending = Session.RunAsync(SessionTests.Sum(values, values));
            meanwhile?.Invoke();
            AnswerPrepare();
            return pending.WaitAsync(TimeSpan.FromSeconds(60)).GetAwaiter().GetResult();
        }

        // Plays along on the control stream, so that the coordinator's decision is about the link alone.
        private void AnswerPrepare()
        {
            var prepare = _stream.ReadMessage().Prepare;
            _stream.Send(new ControlMessage { Answer = new Answer { View = _view.Id, Round = prepare.Round } });
        }

        public void Dispose()
        {
            _link?.Dispose();
            _stream.Dispose();
            Session.Dispose();
            _coordinator.Dispose();
        }

        // Of an all-reduce (sum) of one f32 that is retried: the bytes of protocol.md, hashed.
        private static ulong HashOfSum
        {
            get
            {
                var hash = new System.IO.Hashing.XxHash64();
                byte[] part = [(byte)CollectiveKind.AllReduce, (byte)ElementType.Float32, (byte)ReduceOperator.Sum, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
                hash.Append(part);
                byte[] mode = [(byte)OnViewChange.Retry, .. new byte[23]];
                hash.Append(mode);
                return hash.GetCurrentHashAsUInt64();
            }
        }

        private void Send(FrameHeader header)
        {
            var bytes = new byte[FrameHeader.Size];
            header.Write(bytes);
            _link!.Send(bytes);
        }

        private void SendWhatFits(byte[] bytes)
        {
            try
            {
                _link!.Send(bytes);
            }
            catch (System.Net.Sockets.SocketException)
            {
                // The session has closed the link: that is what the test is about.
            }
        }
    }
}
