using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Google.Protobuf;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: joining where there is no coordinator ends in time, with a sentence. Method: a socket that says what the test
/// tells it to.</summary>
[Trait("tier", "integration")]
public sealed class BadJoinTests
{
    private static readonly RunId Run = new(1, 2);

    [Fact]
    public void Join_where_nobody_listens_fails_at_its_deadline_and_says_where()
    {
        string address;
        using (var server = new Server([]))
        {
            address = server.Address;
        }

        var error = Assert.Throws<DeadlineException>(() => Join(address));
        Assert.Contains($"no coordinator answers at {address}", error.Message, StringComparison.Ordinal);
        Assert.Contains("nothing listens there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Join_where_nobody_listens_need_not_wait_for_its_deadline()
    {
        string address;
        using (var server = new Server([]))
        {
            address = server.Address;
        }

        var start = Stopwatch.GetTimestamp();
        var error = Assert.Throws<DeadlineException>(() => Join(address, seconds: 60, refusedSeconds: 0.3));
        Assert.Contains($"no coordinator answers at {address}", error.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void Join_at_a_silent_address_waits_longer_than_where_nobody_listens()
    {
        using var server = new Server([]);
        var error = Assert.Throws<DeadlineException>(() => Join(server.Address, seconds: 1, refusedSeconds: 0));
        Assert.Contains("waited 1 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Member_that_gives_up_before_its_deadline_says_where_it_waited()
    {
        using var server = new Server([]);
        var error = Assert.Throws<DeadlineException>(() => Join(server.Address, seconds: 60, giveUpSeconds: 0.3));
        Assert.Contains($"no coordinator answers at {server.Address}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Join_at_a_silent_address_fails_at_its_deadline_and_says_so()
    {
        using var server = new Server([]);
        var error = Assert.Throws<DeadlineException>(() => Join(server.Address));
        Assert.Contains("it is silent", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Join_at_something_that_speaks_other_bytes_fails_at_once()
    {
        using var server = new Server("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        var error = Assert.Throws<MembershipException>(() => Join(server.Address, seconds: 60));
        Assert.Contains("does not speak Crossnode", error.Message, StringComparison.Ordinal);
        Assert.Contains(server.Address, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Join_at_another_version_run_or_a_member_fails_at_once_and_says_which()
    {
        var cases = new (Preamble Answer, string Text)[]
        {
            (Answer(PreambleStatus.OtherVersion) with { Major = 9 }, "speaks protocol 9.0"),
            (Answer(PreambleStatus.OtherRun), "another run"),
            (Answer(PreambleStatus.Refused), "a member, not the coordinator"),
        };
        foreach (var (answer, text) in cases)
        {
            using var server = new Server(answer.ToArray());
            var error = Assert.Throws<MembershipException>(() => Join(server.Address, seconds: 60));
            Assert.Contains(text, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Join_with_an_address_that_is_none_is_an_input_error()
    {
        var error = Assert.Throws<InputException>(() => Join("coordinator", seconds: 60));
        Assert.Contains("'coordinator' is no address", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(BrokenMessages))]
    public void Join_survives_broken_messages_and_fails_at_its_deadline(byte[] frames)
    {
        using var server = new Server([.. Answer(PreambleStatus.Ok).ToArray(), .. frames]);
        Assert.Throws<DeadlineException>(() => Join(server.Address));
    }

    [Fact]
    public void Cancelled_join_ends_at_once()
    {
        using var server = new Server([]);
        var start = Stopwatch.GetTimestamp();
        Assert.ThrowsAny<OperationCanceledException>(() => Join(server.Address, seconds: 60, cancelAfter: TimeSpan.FromMilliseconds(100)));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
    }

    public static TheoryData<byte[]> BrokenMessages()
    {
        var self = new MemberRecord { Id = 0, Incarnation = 5, Endpoint = "127.0.0.1:1" };
        var other = new MemberRecord { Id = 1, Incarnation = 6, Endpoint = "no address" };
        var id = new ViewIdRecord { Epoch = 1, Nonce = 1 };
        var torn = new ViewRecord { Id = id, Members = { self, other } };
        torn.Links.Add(new LinkRecord { First = 0, Second = 1, Condition = LinkCondition.LinkOut });
        var loop = new ViewRecord { Id = id, Members = { self, other } };
        loop.Links.Add(new LinkRecord { First = 1, Second = 1, Condition = LinkCondition.LinkOut });
        ControlMessage[] messages =
        [
            new() { Prepare = new Prepare() },
            new() { NewView = new NewView() },
            new() { NewView = new NewView { View = new ViewRecord { Id = id } } },
            new() { NewView = new NewView { View = new ViewRecord { Id = id, Members = { other, self } } } },
            new() { NewView = new NewView { View = torn } },
            new() { NewView = new NewView { View = loop } },
        ];
        var cut = Frame(new ControlMessage { Heartbeat = new Heartbeat() }).AsSpan(0, 40).ToArray();
        var garbage = new byte[FrameHeader.Size + 100];
        garbage.AsSpan().Fill(0xA5);
        var data = new TheoryData<byte[]>(messages.Select(Frame)) { cut, garbage };
        return data;
    }

    private static byte[] Frame(ControlMessage message)
    {
        var body = message.ToByteArray();
        var frame = new byte[FrameHeader.Size + body.Length];
        new FrameHeader { Type = FrameType.Control, Length = body.Length }.Write(frame);
        body.CopyTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }

    private static Preamble Answer(PreambleStatus status) =>
        new() { Run = Run, Purpose = StreamPurpose.Control, Status = status };

    private static void Join(string address, double seconds = 0.5, TimeSpan? cancelAfter = null, double? refusedSeconds = null, double giveUpSeconds = 60)
    {
        using var cancel = new CancellationTokenSource(cancelAfter ?? Timeout.InfiniteTimeSpan);
        var options = new SessionOptions
        {
            Run = Run,
            Coordinator = address,
            Self = new MemberId(0),
            Incarnation = 5,
            JoinTimeout = TimeSpan.FromSeconds(seconds),
            RefusedTimeout = refusedSeconds is { } refused ? TimeSpan.FromSeconds(refused) : null,
            GiveUpAfter = TimeSpan.FromSeconds(giveUpSeconds),
        };
        Session.Join(options, new TcpTransport(), cancel.Token).Dispose();
    }

    /// <summary>Accepts everybody, says its piece to each and listens no further.</summary>
    private sealed class Server : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        public Server(byte[] piece)
        {
            _listener.Start();
            Address = _listener.LocalEndpoint.ToString()!;
            _serving = Serve(piece);
        }

        public string Address { get; }

        public void Dispose()
        {
            _listener.Dispose();
            _serving.Wait(TimeSpan.FromSeconds(30));
        }

        private async Task Serve(byte[] piece)
        {
            var accepted = new List<Socket>();
            try
            {
                while (true)
                {
                    var socket = await _listener.AcceptSocketAsync();
                    accepted.Add(socket);
                    await socket.SendAsync(piece);
                }
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException)
            {
                accepted.ForEach(socket => socket.Dispose());
            }
        }
    }
}
