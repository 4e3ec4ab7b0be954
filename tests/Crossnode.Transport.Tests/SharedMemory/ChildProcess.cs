using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Crossnode.Core;

namespace Crossnode.Transport.Tests;

/// <summary>This program once more, as another process that plays a part instead of running tests.</summary>
internal static class ChildProcess
{
    private const string Part = "CROSSNODE_TRANSPORT_TEST_PART";

    /// <summary>Starts a part, as another user if one is given.</summary>
    public static Process Start(string part, string argument, string? user = null)
    {
        var program = Environment.ProcessPath!;
        List<string> command = user is null ? [] : ["setpriv", "--reuid", user, "--clear-groups"];
        command.Add(program);
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            command.Add(typeof(ChildProcess).Assembly.Location);
        }

        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        start.Environment[Part] = $"{part} {argument}";
        return Process.Start(start)!;
    }

    /// <summary>The next byte of the sequence that a sending child sends.</summary>
    public static byte ByteAt(long position) => (byte)(position * 7 + (position >> 16));

    [ModuleInitializer]
    internal static void PlayPart()
    {
        if (Environment.GetEnvironmentVariable(Part)?.Split(' ') is not [var part, .. var arguments])
        {
            return;
        }

        switch (part)
        {
            case "send":
                Send(arguments[0], arguments[1]);
                break;
            case "leave":
                Leave(arguments[0]);
                break;
            case "intrude":
                Intrude(arguments[0]);
                break;
        }

        Environment.Exit(0);
    }

    // Sends for ever, asleep while the ring is full; says so when it is full for the first time.
    private static void Send(string address, string directory)
    {
        var transport = new SharedMemoryTransport(new SharedMemoryOptions { Directory = directory, RingBytes = 1 << 16 });
        using var connection = SharedFolder.Finish(transport.Connect(address));
        using var poller = transport.CreatePoller();
        poller.Watch(connection, read: false, write: true);
        var block = new byte[10_000];
        while (true)
        {
            for (var i = 0; i < block.Length; i++)
            {
                block[i] = ByteAt(connection.BytesSent + i);
            }

            var status = connection.TrySend(block, out _);
            if (status == IoStatus.WouldBlock)
            {
                Console.WriteLine("full");
                poller.Wait(TransportContract.Patience);
            }
            else if (status != IoStatus.Done)
            {
                return;
            }
        }
    }

    private static void Leave(string directory)
    {
        using var file = SharedMemoryFile.TryCreate(directory, new SystemRandomSource(), new SharedMemoryLayout(1 << 16), out _);
        Console.WriteLine(file!.Name);
        Console.ReadLine();
    }

    // As the transport would, and then as one that does not look at whom it connects to.
    private static void Intrude(string address)
    {
        using var pending = new SharedMemoryTransport().Connect(address);
        Console.WriteLine($"{pending.Poll(out _)}: {pending.Failure}");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint("\0crossnode/" + address[SharedMemoryTransport.Scheme.Length..]));
        socket.Send(new byte[SharedMemoryHello.Bytes]);
        Console.WriteLine("connected");
        var count = socket.Receive(new byte[1], SocketFlags.None, out var error);
        Console.WriteLine(error is SocketError.Success or SocketError.ConnectionReset ? $"got {count} bytes" : error);
    }
}
