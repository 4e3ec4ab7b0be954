using System.Text.RegularExpressions;

namespace Crossnode.Tidy.Tests;

/// <summary>Rules about source text that the compiler and its analyzers cannot hold.</summary>
[Trait("tier", "unit")]
public sealed partial class SourceTests
{
    [Fact]
    public void No_method_is_async_void() =>
        Violations.AssertNone(Matches(["src", "samples", "bench", "tests"], AsyncVoid()));

    // Protocol code runs on one thread in the simulator; only Transport leaves its caller's context on purpose.
    [Fact]
    public void Only_Transport_leaves_the_callers_context() =>
        Assert.All(
            Matches(["src"], ConfigureAwaitFalse()),
            where => Assert.StartsWith("src/Crossnode.Transport/", where, StringComparison.Ordinal));

    [Fact]
    public void Nothing_in_src_is_left_for_later() => Violations.AssertNone(Matches(["src"], LeftForLater()));

    [Fact]
    public void Log_events_have_an_id_each()
    {
        var events = (
            from path in Repository.Sources("src")
            let text = Repository.Text(path)
            from Match attribute in LoggerMessage().Matches(text)
            select (Where: Repository.Locate(path, text, attribute.Index), Id: EventId().Match(attribute.Value)))
            .ToList();
        Violations.AssertNone(events.Where(e => !e.Id.Success).Select(e => $"{e.Where}: give the event an id"));
        Violations.AssertNone(events.Where(e => e.Id.Success)
            .GroupBy(e => int.Parse(e.Id.Groups["id"].Value.Replace("_", "", StringComparison.Ordinal)))
            .Where(same => same.Count() > 1)
            .Select(same => $"event {same.Key}: {string.Join(", ", same.Select(e => e.Where))}"));
    }

    [Theory]
    [InlineData("[LoggerMessage(1001, LogLevel.Information, \"view {Epoch}\")]", "1001")]
    [InlineData("[LoggerMessage(EventId = 12, Level = LogLevel.Debug, Message = \"x (y)\")]", "12")]
    [InlineData("[LoggerMessage(\n    Level = LogLevel.Debug,\n    EventId = 1_200)]", "1_200")]
    [InlineData("[LoggerMessage(LogLevel.Debug, \"level 7\")]", "")]
    public void Event_id_is_read_from_its_attribute(string attribute, string id)
    {
        var found = LoggerMessage().Match(attribute);
        Assert.True(found.Success);
        Assert.Equal(id, EventId().Match(found.Value).Groups["id"].Value);
    }

    [Theory]
    [InlineData("private async void Start()")]
    [InlineData("async  void Start()")]
    public void Async_void_is_recognised(string text) => Assert.Matches(AsyncVoid(), text);

    private static IEnumerable<string> Matches(string[] folders, Regex rule) =>
        from folder in folders
        from path in Repository.Sources(folder)
        where path != "tests/Crossnode.Tidy.Tests/SourceTests.cs"
        let text = Repository.Text(path)
        from Match match in rule.Matches(text)
        select $"{Repository.Locate(path, text, match.Index)}: {match.Value}";

    [GeneratedRegex(@"\basync\s+void\b")]
    private static partial Regex AsyncVoid();

    [GeneratedRegex(@"\.ConfigureAwait\(\s*(continueOnCapturedContext:\s*)?false\s*\)")]
    private static partial Regex ConfigureAwaitFalse();

    [GeneratedRegex(@"\b(TODO|FIXME|NotImplementedException)\b")]
    private static partial Regex LeftForLater();

    [GeneratedRegex(@"\[LoggerMessage\((""(\\.|[^""\\])*""|[^""\]])*\)\]")]
    private static partial Regex LoggerMessage();

    // The id is the first argument, or one that is named.
    [GeneratedRegex(@"LoggerMessage\(\s*(eventId:\s*)?(?<id>\d[\d_]*)|EventId\s*=\s*(?<id>\d[\d_]*)|eventId:\s*(?<id>\d[\d_]*)")]
    private static partial Regex EventId();
}
