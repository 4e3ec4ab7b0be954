using System.Diagnostics;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Machines of their own: network namespaces with an address each, on one switch. Needs Linux, root, ip and nft.</summary>
internal sealed class NetworkLab : IDisposable
{
    private readonly string _id = $"xc{Environment.ProcessId}";
    private readonly List<string> _namespaces = [];

    public NetworkLab(int machines)
    {
        try
        {
            var network = Add("sw");
            Run("ip", "-n", network, "link", "add", "br0", "type", "bridge");
            Run("ip", "-n", network, "link", "set", "br0", "up");
            for (var machine = 1; machine <= machines; machine++)
            {
                var name = Add($"m{machine}");
                Run("ip", "-n", name, "link", "set", "lo", "up");
                Run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", $"p{machine}", "netns", network);
                Run("ip", "-n", network, "link", "set", $"p{machine}", "master", "br0", "up");
                Run("ip", "-n", name, "addr", "add", $"{Address(machine)}/24", "dev", "eth0");
                Run("ip", "-n", name, "link", "set", "eth0", "up");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why there can be no lab here; null when there can.</summary>
    public static string? Missing()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            return "needs Linux and root, for network namespaces";
        }
        return new[] { "ip", "nft" }.FirstOrDefault(tool => !File.Exists($"/usr/sbin/{tool}") && !File.Exists($"/sbin/{tool}")) is { } tool
            ? $"needs {tool} (Debian packages iproute2 and nftables)"
            : null;
    }

    /// <summary>A machine's address, from machine 1 on.</summary>
    public static string Address(int machine) => $"10.99.0.{machine}";

    /// <summary>Starts crossnode on a machine.</summary>
    public CrossnodeProcess Start(int machine, params string[] arguments) =>
        CrossnodeProcess.StartProgram("ip", ["netns", "exec", $"{_id}m{machine}", CrossnodeProcess.Executable("Crossnode.Cli", "crossnode"), .. arguments]);

    /// <summary>Drops, without a word, every connection that others open to a machine.</summary>
    public void BlockCallsTo(int machine)
    {
        var name = $"{_id}m{machine}";
        Run("ip", "netns", "exec", name, "nft", "add table inet shut");
        Run("ip", "netns", "exec", name, "nft", "add chain inet shut in { type filter hook input priority 0; }");
        Run("ip", "netns", "exec", name, "nft", "add rule inet shut in iif eth0 tcp flags syn / syn,ack drop");
    }

    public void Dispose()
    {
        foreach (var name in _namespaces)
        {
            Run("ip", "netns", "del", name);
        }
        _namespaces.Clear();
    }

    private string Add(string what)
    {
        Run("ip", "netns", "add", _id + what);
        _namespaces.Add(_id + what);
        return _id + what;
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {error}");
    }
}
