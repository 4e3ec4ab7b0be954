using Crossnode.Protocol.Control;
using Google.Protobuf;

namespace Crossnode.Protocol.Tests.Wire;

/// <summary>The literals were made by an encoder of its own, from control.proto and the Protobuf encoding rules.</summary>
[Trait("tier", "unit")]
public sealed class ControlMessageTests
{
    public static TheoryData<string, string> Golden => new()
    {
        {
            "hello",
            "0A4A0A0B080311EFCDAB896745230111A1000000000000001A085B3A3A315D3A35312001280132180A0B080311EFCDAB8967"
            + "45230110011801220572657365743A0A08071005180422026E6F"
        },
        {
            "prepare",
            "12650A610A0B080311EFCDAB8967452301120B08021111000000000000001A1711A0000000000000001A0C3132372E302E30"
            + "2E313A35301A15080111A1000000000000001A085B3A3A315D3A35312204100118022A0F080710AC021A08080510041A026E"
            + "6F1009"
        },
        {
            "answer",
            "1A460A0B080311EFCDAB896745230110091A0D080710AD0218AC0220AE022801220A08071005180422026E6F2A180A0B0803"
            + "11EFCDAB896745230110011801220572657365743001"
        },
        {
            "newview",
            "22630A610A0B080311EFCDAB8967452301120B08021111000000000000001A1711A0000000000000001A0C3132372E302E30"
            + "2E313A35301A15080111A1000000000000001A085B3A3A315D3A35312204100118022A0F080710AC021A08080510041A026E"
            + "6F"
        },
        {
            "evicted",
            "2A150A0B080311EFCDAB89674523011204676F6E651801"
        },
        {
            "linkreport",
            "32180A0B080311EFCDAB89674523011001180122057265736574"
        },
        {
            "changerequest",
            "3A190A0B080311EFCDAB8967452301120A08071005180422026E6F"
        },
        {
            "heartbeat",
            "4200"
        },
        {
            "leave",
            "4A00"
        },
        {
            "note",
            "520A0A047374657012027B7D"
        },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void Message_of_each_kind_has_golden_bytes(string kind, string hex) =>
        Assert.Equal(hex, Convert.ToHexString(Sample(kind).ToByteArray()));

    [Theory]
    [MemberData(nameof(Golden))]
    public void Golden_bytes_read_back(string kind, string hex) =>
        Assert.Equal(Sample(kind), ControlMessage.Parser.ParseFrom(Convert.FromHexString(hex)));

    [Theory]
    [MemberData(nameof(Golden))]
    public void Truncated_message_is_refused_at_every_length(string _, string hex)
    {
        var bytes = Convert.FromHexString(hex);
        for (var length = 1; length < bytes.Length; length++)
        {
            Assert.Throws<InvalidProtocolBufferException>(() => ControlMessage.Parser.ParseFrom(bytes, 0, length));
        }
    }

    [Fact]
    public void Kind_of_a_later_version_is_no_kind_at_all()
    {
        var message = ControlMessage.Parser.ParseFrom(Convert.FromHexString("FA0100"));
        Assert.Equal(ControlMessage.BodyOneofCase.None, message.BodyCase);
    }

    private static ControlMessage Sample(string kind) => kind switch
    {
        "hello" => new() { Hello = SampleHello() },
        "prepare" => new() { Prepare = new Prepare { View = SampleView(), Round = 9 } },
        "answer" => new() { Answer = SampleAnswer() },
        "newview" => new() { NewView = new NewView { View = SampleView() } },
        "evicted" => new() { Evicted = new Evicted { View = Id, Reason = "gone", Left = true } },
        "linkreport" => new() { LinkReport = Report },
        "changerequest" => new() { ChangeRequest = new ChangeRequest { View = Id, Condemned = { Condemned } } },
        "heartbeat" => new() { Heartbeat = new Heartbeat() },
        "leave" => new() { Leave = new Leave() },
        "note" => new() { Note = new Note { Topic = "step", Json = "{}" } },
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static ViewIdRecord Id => new() { Epoch = 3, Nonce = 0x0123456789ABCDEF };

    private static LinkReport Report => new() { View = Id, Member = 1, NeverOpened = true, Reason = "reset" };

    private static Condemned Condemned => new() { Tag = 7, Sequence = 5, Kind = 4, Reason = "no" };

    private static Hello SampleHello() => new()
    {
        View = Id,
        Incarnation = 0xA1,
        Endpoint = "[::1]:51",
        Frozen = true,
        Leaving = true,
        Reports = { Report },
        Condemned = { Condemned },
    };

    private static Answer SampleAnswer() => new()
    {
        View = Id,
        Round = 9,
        Tags = { new TagAnswer { Tag = 7, DataComplete = 301, Committed = 300, HighestStarted = 302, OnViewChange = 1 } },
        Condemned = { Condemned },
        Reports = { Report },
        Leaving = true,
    };

    private static ViewRecord SampleView() => new()
    {
        Id = Id,
        Predecessor = new ViewIdRecord { Epoch = 2, Nonce = 0x11 },
        Members =
        {
            new MemberRecord { Id = 0, Incarnation = 0xA0, Endpoint = "127.0.0.1:50" },
            new MemberRecord { Id = 1, Incarnation = 0xA1, Endpoint = "[::1]:51" },
        },
        Links = { new LinkRecord { First = 0, Second = 1, Condition = LinkCondition.LinkOut } },
        Tags =
        {
            new TagRecord { Tag = 7, CommitPoint = 300, Killed = { new KilledRecord { Sequence = 5, Kind = 4, Reason = "no" } } },
        },
    };
}
