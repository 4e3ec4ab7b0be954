using Crossnode.Core;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Network;

namespace Crossnode.Simulation.Tests;

/// <summary>The virtual network behaves as TCP does where the protocol relies on it.</summary>
[Trait("tier", "unit")]
public sealed class NetworkTests
{
    private readonly EventQueue _queue = new();
    private readonly Conditions _conditions = new(nodes: 2, jitterPercent: 300, ticksPerByte: 10);
    private readonly VirtualNetwork _network;
    private readonly End _dialler = new();
    private readonly End _acceptor = new();
    private readonly Socket _socket;

    public NetworkTests()
    {
        _conditions.SetLatency(0, 1, 1000);
        _conditions.SetLatency(1, 0, 1000);
        _network = new VirtualNetwork(_queue, _conditions, new DeterministicRandom(1));
        _socket = Dial();
    }

    [Fact]
    public void Entries_come_by_time_and_then_in_the_order_in_which_they_were_added()
    {
        var queue = new EventQueue();
        var random = new DeterministicRandom(2);
        for (var index = 0; index < 1000; index++)
        {
            queue.Add(random.NextInt64(50), DueKind.Call, index, null);
        }

        var last = default(Due);
        while (queue.TryTake(out var due))
        {
            Assert.True(due.At > last.At || (due.At == last.At && due.Order >= last.Order));
            last = due;
        }
    }

    [Fact]
    public void Packets_of_a_connection_arrive_in_order_whatever_their_latencies()
    {
        for (var index = 0; index < 100; index++)
        {
            _network.Send(_socket, Numbered(index));
        }

        Run();
        Assert.Equal(PacketKind.Preamble, _acceptor.Kinds[0]);
        Assert.Equal(Enumerable.Range(0, 100), _acceptor.Numbers);
    }

    [Fact]
    public void Partition_holds_packets_up_and_loses_none()
    {
        _conditions.Block(0, 1, 1);
        _network.Send(_socket, Numbered(0));
        Run();
        Assert.Empty(_acceptor.Kinds);
        _conditions.Block(0, 1, -1);
        _network.KickAll(-1);
        Run();
        Assert.Equal([0], _acceptor.Numbers);
    }

    [Fact]
    public void Break_lets_a_first_part_through_and_then_resets_both_ends()
    {
        for (var index = 0; index < 10; index++)
        {
            _network.Send(_socket, Numbered(index));
        }

        _network.Break(_socket.Connection);
        Run();
        Assert.Equal(Enumerable.Range(0, _acceptor.Numbers.Count), _acceptor.Numbers);
        Assert.Equal(PacketKind.Reset, _acceptor.Kinds[^1]);
        Assert.Equal([PacketKind.Reset], _dialler.Kinds);
    }

    [Fact]
    public void Closing_delivers_what_was_sent_before()
    {
        _network.Send(_socket, Numbered(0));
        _network.Close(_socket);
        Run();
        Assert.Equal([PacketKind.Preamble, PacketKind.Piece, PacketKind.End], _acceptor.Kinds);
    }

    [Fact]
    public void Dead_process_refuses_dials_and_a_vanished_machine_answers_nothing()
    {
        _conditions.Kill(1);
        Run();
        Assert.Equal([PacketKind.Reset], _dialler.Kinds);
        _dialler.Kinds.Clear();
        _conditions.Vanish(1);
        Dial();
        Run();
        Assert.Empty(_dialler.Kinds);
    }

    private static Packet Numbered(int number) => new() { Kind = PacketKind.Piece, Header = new FrameHeader { Step = number } };

    private Socket Dial() => _network.Dial(
        0, 1, new Greeting(new MemberId(0), 1, default, StreamPurpose.Link), _dialler, _acceptor);

    private void Run()
    {
        while (_queue.TryTake(out var due))
        {
            _network.Now = due.At;
            _network.Arrive((Lane)due.Subject!);
        }
    }

    private sealed class End : ISocketOwner
    {
        public List<PacketKind> Kinds { get; } = [];

        public List<int> Numbers { get; } = [];

        public bool CanTake(in Packet packet) => true;

        public void HasRoom()
        {
        }

        public void Take(Socket socket, in Packet packet)
        {
            Kinds.Add(packet.Kind);
            if (packet.Kind == PacketKind.Piece)
            {
                Numbers.Add(packet.Header.Step);
            }
        }
    }
}
