using System.Diagnostics;

namespace Crossnode.Transport.Tests;

/// <summary>No wake-up is lost: a lost one makes a wait take its whole timeout, which no test here allows.</summary>
[Trait("tier", "integration")]
public sealed class SharedMemoryWakeTests : IDisposable
{
    private static readonly TimeSpan RunTime = TimeSpan.FromSeconds(2);
    private readonly SharedFolder _folder = new();

    [Fact]
    public void Of_who_goes_to_sleep_and_who_publishes_at_least_one_sees_the_other()
    {
        // Without either fence this finds rounds in which each still has its own write in the processor's store buffer.
        var words = GC.AllocateArray<int>(128, pinned: true);
        int asked = 0, answered = 0, rang = 0;
        using var publisher = new Worker(() =>
        {
            for (var round = 1; Await(ref asked, round); round++)
            {
                Volatile.Write(ref words[0], round);
                rang = TakeBack(words) ? 1 : 0;
                Volatile.Write(ref answered, round);
            }
        });
        var (random, lost, rounds) = (new Random(3), 0, 0);
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < RunTime && lost == 0;)
        {
            rounds++;
            Volatile.Write(ref asked, rounds);
            for (var pause = random.Next(200); pause > 0; pause--)
            {
                Volatile.Read(ref lost);
            }

            Set(words);
            var hasSeen = Volatile.Read(ref words[0]) == rounds;
            Await(ref answered, rounds);
            lost += hasSeen || rang != 0 ? 0 : 1;
            words[64] = 0;
        }

        Volatile.Write(ref asked, -1);
        publisher.Join();
        Assert.True(lost == 0, $"lost after {rounds} rounds");
    }

    [Fact]
    public void Two_threads_that_sleep_at_random_moments_wake_each_other()
    {
        var (near, far) = _folder.Open(_folder.Options with { RingBytes = 1 << 12 });
        using var other = new Worker(() => Play(far, seed: 2, isFirst: false));
        Play(near, seed: 1, isFirst: true);
        near.Dispose();
        other.Join();
        far.Dispose();
    }

    [Fact]
    public void Two_sleepers_on_one_link_are_both_woken()
    {
        var (near, far) = _folder.Open();
        for (var i = 0; i < 300; i++)
        {
            using var first = new Worker(() => WaitUntilReadable(far));
            using var second = new Worker(() => WaitUntilReadable(far));
            near.TrySend([1], out _);
            first.Join();
            second.Join();
            Assert.Equal(IoStatus.Done, far.TryReceive(new byte[1], out _));
        }

        near.Dispose();
        far.Dispose();
    }

    [Fact]
    public void A_link_disposed_under_a_sleeper_stays_mapped_until_it_wakes()
    {
        for (var i = 0; i < 200; i++)
        {
            var (near, far) = _folder.Open();
            using var poller = LinuxOnly.SharedMemory().CreatePoller();
            poller.Watch(far, read: true, write: true);
            while (far.TrySend(new byte[1 << 16], out _) == IoStatus.Done)
            {
            }

            using var sleeper = new Worker(() => poller.Wait(TransportContract.Patience));
            far.Dispose();
            poller.Wake();
            sleeper.Join();
            near.Dispose();
        }
    }

    [Fact]
    public void Bytes_that_rang_late_end_one_wait_and_no_more()
    {
        var (near, far) = _folder.Open();
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        poller.Watch(far, read: true, write: false);
        using (var sleeper = new Worker(() => poller.Wait(TransportContract.Patience)))
        {
            near.TrySend([1], out _);
            sleeper.Join();
        }

        far.TryReceive(new byte[8], out _);
        poller.Wait(TimeSpan.FromMilliseconds(1));
        var start = Stopwatch.GetTimestamp();
        poller.Wait(TimeSpan.FromMilliseconds(60));
        Assert.True(Stopwatch.GetElapsedTime(start) > TimeSpan.FromMilliseconds(30));
        near.Dispose();
        far.Dispose();
    }

    public void Dispose() => _folder.Dispose();

    // False once there are no more rounds. Both threads may have to share one processor.
    private static bool Await(ref int word, int round)
    {
        var spins = 0;
        while (Volatile.Read(ref word) is var seen && seen != round)
        {
            if (seen < 0)
            {
                return false;
            }

            if (++spins % 1000 == 0)
            {
                Thread.Yield();
            }
        }

        return true;
    }

    private static unsafe void Set(int[] words)
    {
        fixed (int* flag = &words[64])
        {
            WaitFlag.Set(flag);
        }
    }

    private static unsafe bool TakeBack(int[] words)
    {
        fixed (int* flag = &words[64])
        {
            return WaitFlag.TakeBack(flag);
        }
    }

    private static void WaitUntilReadable(Connection connection)
    {
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        poller.Watch(connection, read: true, write: false);
        do
        {
            Sleep(poller);
        }
        while (!poller.IsReady(connection));
    }

    // Messages larger than the ring, so that both ends wait for bytes and for room; pauses move the moments about.
    private static void Play(Connection connection, int seed, bool isFirst)
    {
        var random = new Random(seed);
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        var block = new byte[20_000];
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (isFirst && Stopwatch.GetElapsedTime(start) > RunTime)
            {
                return;
            }

            // A length goes before the bytes, and is one of them.
            var length = random.Next(2, random.Next(3, block.Length));
            BitConverter.TryWriteBytes(block, length);
            if (isFirst)
            {
                Move(connection, poller, random, block.AsSpan(0, Math.Max(length, sizeof(int))), sends: true);
            }

            if (!Move(connection, poller, random, block.AsSpan(0, sizeof(int)), sends: false))
            {
                return;
            }

            var coming = Math.Max(BitConverter.ToInt32(block), sizeof(int)) - sizeof(int);
            Move(connection, poller, random, block.AsSpan(0, coming), sends: false);
            if (!isFirst)
            {
                BitConverter.TryWriteBytes(block, length);
                Move(connection, poller, random, block.AsSpan(0, Math.Max(length, sizeof(int))), sends: true);
            }
        }
    }

    private static bool Move(Connection connection, Poller poller, Random random, Span<byte> bytes, bool sends)
    {
        while (!bytes.IsEmpty)
        {
            Pause(random);
            var status = sends ? connection.TrySend(bytes, out var moved) : connection.TryReceive(bytes, out moved);
            bytes = bytes[moved..];
            if (status == IoStatus.WouldBlock)
            {
                poller.Watch(connection, read: !sends, write: sends);
                Pause(random);
                Sleep(poller);
            }
            else if (status != IoStatus.Done)
            {
                return false;
            }
        }

        return true;
    }

    private static void Sleep(Poller poller)
    {
        var start = Stopwatch.GetTimestamp();
        poller.Wait(TransportContract.Patience);
        Assert.True(Stopwatch.GetElapsedTime(start) < TransportContract.Patience, "a wake-up was lost");
    }

    private static void Pause(Random random)
    {
        if (random.Next(3) == 0)
        {
            Thread.SpinWait(random.Next(1, 200));
        }
        else if (random.Next(20) == 0)
        {
            Thread.Yield();
        }
    }
}
