using System.Globalization;
using Crossnode.Collectives;
using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Transport;

// A worker that the integration tests start and kill. Every input is a function of member and operation, so every result
// can be checked against the members that the outcome names. Arguments: coordinator run member operations elements mode
// [evict-after-seconds [links [death]]]; the member is a number, or 'new'. Prints one line an operation; exits with 3 at the first
// wrong number. The mode 'ops' runs every operation by turns, 'op:all-gather:Direct:in' that one; see OperationLoop.
// 'coordinator MEMBERS EVICT-AFTER' serves a run instead, prints its address and id, then its news;
// 'coordinator RUN MEMBERS EVICT-AFTER PORT FOLDER' one whose record is in the folder, so that it can be started again.
if (args is ["coordinator", var members, var patience])
{
    return CoordinatorProcess.Serve(members, patience);
}

if (args is ["coordinator", var run, var count, var evictAfter, var port, var folder])
{
    return CoordinatorProcess.Serve(run, count, evictAfter, port, folder);
}

var arguments = new WorkerArguments(args);
var random = new SystemRandomSource();
using var session = Session.Join(
    new SessionOptions
    {
        Run = arguments.Run,
        Coordinator = args[0],
        Self = arguments.Self,
        Incarnation = random.NextUInt64(),
        EvictAfter = arguments.EvictAfter,
        SharedMemory = arguments.SharedMemory,
        Notice = text => Console.WriteLine($"notice {text}"),
        Engine = new EngineOptions { ChunkBytes = 64 << 10, EagerBytes = 8 << 10 },
    },
    new TcpTransport());
session.ViewInstalled += view =>
    Console.WriteLine($"view {view.Id.Epoch} {string.Join(',', view.Members.Select(member => member.Value))}");
var self = session.Self;
Console.WriteLine($"listens {session.Endpoint}");
Console.WriteLine($"view {session.View.Id.Epoch} {string.Join(',', session.View.Members.Select(member => member.Value))}");

if (arguments.Cases is { } cases)
{
    var exit = new OperationLoop(session, cases, arguments.Elements, arguments.Death).Run(arguments.Operations);
    Console.WriteLine(exit switch { 0 => "done", 3 => "WRONG", _ => "ended" });
    return exit;
}

var source = new float[arguments.Elements];
var target = new float[arguments.Elements];
var broken = 0;
for (var number = (int)session.NextSequence(0); number <= arguments.Operations && broken == 0; number++)
{
    broken = arguments.Mode switch
    {
        "out" => OutOfPlace(number),
        "in" => InPlace(number, OnViewChange.Retry),
        "report" => InPlace(number, OnViewChange.Report),
        "best" => InPlace(number, OnViewChange.Retry, isBestEffort: true),
        _ => throw new ArgumentException($"mode {arguments.Mode}"),
    };
}

Console.WriteLine(broken switch { 0 => "done", 3 => "WRONG", _ => "ended" });
return broken;

int OutOfPlace(int number)
{
    Fill(source, self.Value, number);
    var outcome = session.Run(new OperationGroup().AllReduce(
        TensorBuffer.From(source.AsMemory()), TensorBuffer.From(target.AsMemory()), ReduceOperator.Sum));
    if (outcome.Status != OperationStatus.Completed)
    {
        Console.WriteLine($"failed {number}: {outcome.Error?.Message}");
        return 4;
    }

    return Verify(source, number, [self], "source") + Verify(target, number, outcome.Members, "sum");
}

int InPlace(int number, OnViewChange mode, bool isBestEffort = false)
{
    Fill(target, self.Value, number);
    var buffer = TensorBuffer.From(target.AsMemory());
    var outcome = session.Run(
        new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum), new OperationOptions { OnViewChange = mode, BestEffort = isBestEffort });
    if (outcome.Status == OperationStatus.Completed)
    {
        return Verify(target, number, outcome.Members, "sum");
    }

    Console.WriteLine($"aborted {number}: {outcome.Error?.Message}");
    return Verify(target, number, [self], "input after the abort");
}

int Verify(float[] values, int number, IReadOnlyList<MemberId> members, string what)
{
    for (var index = 0; index < values.Length; index++)
    {
        double expected = 0;
        foreach (var member in members)
        {
            expected += Values.Of(member.Value, number, index);
        }

        if (values[index] != (float)expected)
        {
            Console.WriteLine(
                $"WRONG {what} of operation {number} at {index}: {values[index]}, expected {expected} of {string.Join(',', members)}");
            return 3;
        }
    }

    if (what == "sum")
    {
        Console.WriteLine($"ok {number} {string.Join(',', members.Select(member => member.Value))}");
    }

    return 0;
}

static void Fill(float[] values, uint member, int number)
{
    for (var index = 0; index < values.Length; index++)
    {
        values[index] = Values.Of(member, number, index);
    }
}

internal sealed class WorkerArguments
{
    public WorkerArguments(string[] args)
    {
        if (!RunId.TryParse(args[1], out var run))
        {
            throw new ArgumentException($"run id {args[1]}");
        }

        Run = run;
        Self = args[2] == "new" ? MemberId.Unassigned : new MemberId(uint.Parse(args[2], CultureInfo.InvariantCulture));
        Operations = int.Parse(args[3], CultureInfo.InvariantCulture);
        Elements = int.Parse(args[4], CultureInfo.InvariantCulture);
        Mode = args[5];
        SharedMemory = args.Length <= 7 || args[7] != "tcp";
        Death = args.Length > 8 ? OperationDeath.Parse(args[8]) : null;
        Cases = !Mode.StartsWith("op", StringComparison.Ordinal) ? null
            : Mode == "ops" ? OperationCase.All
            : [.. OperationCase.All.Where(one => $"op:{one}" == Mode)];
        EvictAfter = TimeSpan.FromSeconds(args.Length > 6 ? double.Parse(args[6], CultureInfo.InvariantCulture) : 10);
    }

    public RunId Run { get; }

    public MemberId Self { get; }

    public int Operations { get; }

    public int Elements { get; }

    public string Mode { get; }

    public IReadOnlyList<OperationCase>? Cases { get; }

    public OperationDeath? Death { get; }

    public TimeSpan EvictAfter { get; }

    public bool SharedMemory { get; }
}
