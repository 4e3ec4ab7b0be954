using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Store;
using Crossnode.Transport;

namespace Crossnode.Coordinator.Tests;

/// <summary>A coordinator with a store, on real sockets: started again, deposed, with a store that fails, without its record.</summary>
[Trait("tier", "integration")]
public sealed class RestartTests : IDisposable
{
    private readonly RunId _run = RunId.Create(new SystemRandomSource());
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"crossnode-records-{Guid.NewGuid():N}");
    private readonly NewsBook _news = new();
    private readonly List<IDisposable> _opened = [];

    [Fact]
    public void Coordinator_started_again_takes_its_members_back_and_goes_on()
    {
        var first = Start(2);
        var (a, b) = (Join(first, 0), Join(first, 1));
        var view = a.ReadNewView();
        Assert.Equal(view, b.ReadNewView());
        first.Dispose();
        a.ReadToEnd();

        var second = Start(0);
        Assert.Equal(view.Id.Epoch, _news.WaitFor(RunNewsKind.TakenUp).View.Epoch);
        a = Join(second, 0, new Hello { View = view.Id });
        b = Join(second, 1, new Hello { View = view.Id });
        b.Dispose();
        a.Send(new ControlMessage { LinkReport = new LinkReport { View = view.Id, Member = 1, Reason = "reset" } });
        var prepare = a.ReadMessage();
        Assert.Equal(2UL, prepare.Term);
        a.Send(new ControlMessage { Answer = new Answer { View = view.Id, Round = prepare.Prepare.Round } });
        var next = a.ReadNewView();
        Assert.Equal((2L, view.Id), (next.Id.Epoch, next.Predecessor));
        Assert.NotEqual(view.Id.Nonce, next.Id.Nonce);
    }

    [Fact]
    public void Coordinator_that_is_taken_over_steps_down_and_lets_its_members_go_to_the_other()
    {
        var first = Start(1);
        var a = Join(first, 0);
        var view = a.ReadNewView();
        var second = Start(0, takesOver: true);
        _news.WaitFor(RunNewsKind.Deposed, "term 2");
        a.ReadToEnd();
        Assert.Throws<System.Net.Sockets.SocketException>(() => new RawMember(first.Address));
        a = Join(second, 0, new Hello { View = view.Id });
        a.Send(new ControlMessage { ChangeRequest = new ChangeRequest { View = view.Id } });
        Assert.Equal(view, a.ReadMessage().Prepare.View);
    }

    [Fact]
    public void Store_that_fails_holds_the_view_back_and_says_so_until_it_works_again()
    {
        var store = new BrokenStore(FileViewStore.Open(_folder, _run));
        var coordinator = Start(1, store: store);
        store.Failure = "the disk is full";
        var a = Join(coordinator, 0);
        Assert.Contains("the disk is full", _news.WaitFor(RunNewsKind.Trouble).Text, StringComparison.Ordinal);
        store.Failure = null;
        Assert.Single(a.ReadNewView().Members);
    }

    [Fact]
    public void Lost_record_is_made_again_from_all_members()
    {
        var first = Start(2);
        var (a, b) = (Join(first, 0), Join(first, 1));
        var view = a.ReadNewView();
        b.ReadNewView();
        first.Dispose();
        Directory.Delete(_folder, recursive: true);

        var second = Start(0, reconstruct: true);
        a = Join(second, 0, new Hello { View = view.Id });
        Assert.NotNull(a.ReadMessage().Recall);
        a.Send(new ControlMessage { Recalled = new Recalled { View = view } });
        b = Join(second, 1, new Hello { View = view.Id });
        b.ReadToEnd();
        a.ReadToEnd();
        _news.WaitFor(RunNewsKind.TakenUp, "as its members hold it");
        a = Join(second, 0, new Hello { View = view.Id, Frozen = true });
        Assert.Equal(view, a.ReadMessage().Prepare.View);
    }

    [Fact]
    public void Record_that_cannot_be_used_ends_the_start_with_its_sentence_and_frees_the_store()
    {
        var store = FileViewStore.Open(_folder, _run);
        File.WriteAllText(store.Name, "hello");
        Assert.Contains(
            "is not the record of a run", Assert.Throws<Crossnode.Core.Errors.InputException>(() => Start(1, store: store)).Message, StringComparison.Ordinal);
        File.Delete(store.Name);
        Start(1);
    }

    public void Dispose()
    {
        _opened.ForEach(opened => opened.Dispose());
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private EmbeddedCoordinator Start(int members, bool takesOver = false, bool reconstruct = false, IViewStore? store = null)
    {
        var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = members,
                Run = _run,
                Store = store ?? FileViewStore.Open(_folder, _run, takesOver),
                Reconstruct = reconstruct,
            },
            new TcpTransport(),
            _news.Add);
        _opened.Add(coordinator);
        return coordinator;
    }

    private RawMember Join(EmbeddedCoordinator coordinator, uint member, Hello? hello = null)
    {
        var raw = RawMember.Join(coordinator, member, hello: hello);
        _opened.Add(raw);
        return raw;
    }

    private sealed class BrokenStore(IViewStore sound) : IViewStore
    {
        public string? Failure { get; set; }

        public string Name => sound.Name;

        public RunRecord? Read() => sound.Read();

        public void Claim(RunRecord record) => sound.Claim(record);

        public ulong Write(RunRecord record) => Failure is { } text ? throw new IOException(text) : sound.Write(record);

        public void Dispose() => sound.Dispose();
    }
}
