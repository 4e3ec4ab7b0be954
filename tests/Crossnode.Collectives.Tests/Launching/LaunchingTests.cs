using System.Diagnostics;
using System.Net;
using Crossnode.Collectives.Launching;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Microsoft.Extensions.Time.Testing;

namespace Crossnode.Collectives.Tests.Launching;

[Trait("tier", "unit")]
public sealed class LaunchingTests
{
    private static readonly LaunchEnvironment Launch = new()
    {
        Coordinator = new IPEndPoint(IPAddress.IPv6Loopback, 5000),
        Run = new RunId(1, 2),
        Worker = new MemberId(2),
        Workers = 3,
        Launcher = new ProcessStamp(42, "4711"),
    };

    [Fact]
    public void Variables_that_were_written_are_read_back() => Assert.Equal(Launch, Read(Launch.ToVariables()));

    [Fact]
    public void Address_to_listen_on_and_to_advertise_is_read_back()
    {
        var launch = Launch with
        {
            Host = IPAddress.Parse("192.0.2.7"),
            Ports = new PortRange(5000, 5009),
            Advertise = "198.51.100.4:80",
            Insecure = true,
            TellsJoin = true,
        };
        Assert.Equal(launch, Read(launch.ToVariables()));
    }

    [Fact]
    public void Worker_without_a_number_gets_one_from_the_coordinator() =>
        Assert.Equal(MemberId.Unassigned, Read((Launch with { Worker = MemberId.Unassigned }).ToVariables()).Worker);

    [Fact]
    public void Launcher_may_be_missing() =>
        Assert.Null(Read((Launch with { Launcher = null }).ToVariables()).Launcher);

    [Theory]
    [InlineData(LaunchEnvironment.CoordinatorVariable, null, "CROSSNODE_COORDINATOR is not set")]
    [InlineData(LaunchEnvironment.CoordinatorVariable, "here", "CROSSNODE_COORDINATOR is 'here'")]
    [InlineData(LaunchEnvironment.RunVariable, "12", "CROSSNODE_RUN is '12'")]
    [InlineData(LaunchEnvironment.WorkerVariable, "-1", "CROSSNODE_WORKER is '-1'")]
    [InlineData(LaunchEnvironment.WorkerVariable, "3", "CROSSNODE_WORKER is 3, but CROSSNODE_WORKERS is 3")]
    [InlineData(LaunchEnvironment.WorkersVariable, "0", "CROSSNODE_WORKERS is '0'")]
    [InlineData(LaunchEnvironment.HostVariable, "here", "CROSSNODE_HOST is 'here'")]
    [InlineData(LaunchEnvironment.PortsVariable, "9-5", "CROSSNODE_PORTS is '9-5'")]
    public void Variable_that_cannot_be_used_is_named(string name, string? value, string sentence)
    {
        var variables = new Dictionary<string, string>(Launch.ToVariables());
        variables.Remove(name);
        if (value is not null)
        {
            variables[name] = value;
        }
        Assert.StartsWith(sentence, Assert.Throws<InputException>(() => Read(variables)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_that_runs_is_told_from_an_older_one_with_its_id()
    {
        Assert.True(ProcessStamp.Current.IsRunning());
        Assert.False((ProcessStamp.Current with { Started = "1" }).IsRunning());
        Assert.True((ProcessStamp.Current with { Started = "" }).IsRunning());
    }

    [Fact]
    public void Process_that_has_ended_does_not_run()
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, "--help") { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.False(new ProcessStamp(process.Id, "").IsRunning());
    }

    [Fact]
    public void Watch_tells_once_that_the_launcher_is_gone()
    {
        var time = new FakeTimeProvider();
        var told = 0;
        using var watch = LauncherWatch.Start(ProcessStamp.Current with { Started = "1" }, () => told++, time);
        Assert.Equal(0, told);
        time.Advance(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(1, told);
    }

    [Fact]
    public void Watch_is_silent_while_the_launcher_runs()
    {
        var time = new FakeTimeProvider();
        using var watch = LauncherWatch.Start(ProcessStamp.Current, () => Assert.Fail("it runs"), time);
        time.Advance(TimeSpan.FromSeconds(5));
    }

    private static LaunchEnvironment Read(IReadOnlyDictionary<string, string> variables) =>
        LaunchEnvironment.Read(name => variables.GetValueOrDefault(name));
}
