using Crossnode.Cli.Configuration;
using Crossnode.Cli.Training;

namespace Crossnode.Cli.Tests.Configuration;

[Trait("tier", "unit")]
public sealed class SettingsTests
{
    private static readonly TrainConfiguration Defaults = new();

    [Fact]
    public void File_that_was_written_is_read_as_the_same_configuration()
    {
        var configuration = Defaults with
        {
            Workers = 3, Data = ["a b.txt", "*.md"], LearningRate = 1.0 / 3, Prompt = "\"quoted\" ä", Insecure = true, Steps = 7,
        };
        var read = Read(ConfigurationFile.Write(configuration, TrainSettings.All));
        Assert.Equal(configuration with { Data = [] }, read with { Data = [] });
        Assert.Equal(configuration.Data, read.Data);
    }

    [Fact]
    public void Every_property_of_the_configuration_is_a_setting() =>
        Assert.Equal(
            typeof(TrainConfiguration).GetProperties().Where(p => p.Name != "EqualityContract").Select(p => p.Name).Order(),
            TrainSettings.All.Select(s => char.ToUpperInvariant(s.Key[0]) + s.Key[1..]).Order());

    [Fact]
    public void File_may_have_comments_and_trailing_commas() =>
        Assert.Equal(12, Read("{ // why\n \"steps\": 12, }").Steps);

    [Theory]
    [InlineData("{\"stepz\": 1}", "x.json: there is no key \"stepz\"; did you mean steps?")]
    [InlineData("{\"steps\": 0}", "x.json: \"steps\" must be a whole number of at least 1, not 0.")]
    [InlineData("{\"steps\": 1.5}", "x.json: \"steps\" must be a whole number of at least 1, not 1.5.")]
    [InlineData("{\"steps\": \"1\"}", "x.json: \"steps\" must be a whole number of at least 1, not \"1\".")]
    [InlineData("{\"data\": \"a\"}", "x.json: \"data\" must be a list of texts, not \"a\".")]
    [InlineData("{\"steps\": 1, \"steps\": 2}", "x.json: the key \"steps\" stands there twice; keep one of them.")]
    [InlineData("[1]", "x.json must be one JSON object, such as { \"steps\": 100 }.")]
    [InlineData("{\"steps\": }", "x.json is not JSON: line 1, byte 11 does not fit.")]
    public void File_that_cannot_be_used_is_refused_in_a_sentence(string json, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<UsageException>(() => Read(json)).Message);

    [Theory]
    [InlineData("diloco", 99, 0.004, 0.004)]
    [InlineData("diloco", 100, 0.004, 0.001)]
    [InlineData("diloco", 100, 0.0005, 0.0005)]
    [InlineData("data-parallel", 100, 0.004, 0.004)]
    public void Learning_rate_of_local_steps_is_capped(string strategy, long step, double scheduled, double taken) => Assert.Equal(
        taken,
        StrategyChoice.RateOf(
            Defaults with { Strategy = strategy, SynchronousSteps = 100, LearningRate = 0.004, LocalRateCap = 0.25 }, step, scheduled));

    [Theory]
    [InlineData("steps", "abc", "--steps must be a whole number of at least 1, not 'abc'.")]
    [InlineData("steps", "-3", "--steps must be a whole number of at least 1, not '-3'.")]
    [InlineData("learningRate", "NaN", "--learning-rate must be a number of at least 0, not 'NaN'.")]
    [InlineData("beta1", "1", "--beta1 must be a number from 0 to 0.9999999, not '1'.")]
    [InlineData("strategy", "gossip", "--strategy must be data-parallel or diloco, not 'gossip'.")]
    [InlineData("outerMomentum", "1", "--outer-momentum must be a number from 0 to 0.9999999, not '1'.")]
    [InlineData("insecure", "yes", "--insecure must be true or false, not 'yes'.")]
    public void Flag_that_cannot_be_used_is_refused_in_a_sentence(string key, string value, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<UsageException>(() => Setting(key).Write(Defaults, [value])).Message);

    [Fact]
    public void Flags_are_read_like_keys()
    {
        Assert.Equal(250, Setting("steps").Write(Defaults, ["250"]).Steps);
        Assert.Equal(3e-4, Setting("learningRate").Write(Defaults, ["3e-4"]).LearningRate);
        Assert.Equal(["a", "b"], Setting("data").Write(Defaults, ["a", "b"]).Data);
        Assert.Equal("2", Setting("prompt").Write(Defaults, ["2"]).Prompt);
        Assert.True(Setting("insecure").Write(Defaults, ["true"]).Insecure);
    }

    [Theory]
    [InlineData(30, 4, "--width 30 is not a multiple of the 4 heads: change one of them.")]
    public void Settings_that_contradict_one_another_are_refused(int width, int heads, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<UsageException>(() => (Defaults with { Width = width, Heads = heads }).Validated()).Message);

    [Theory]
    [InlineData(100, 100, 4, 0.7, "--synchronous-steps 100 leaves none of the 100 steps to DiLoCo: give fewer; a fifth, 20, is usual.")]
    [InlineData(100, 20, 5, 0.7, "--micro-batches-per-step 4 gives some of the 5 workers nothing to learn, and DiLoCo averages all: make it at least 5.")]
    [InlineData(100, 20, 4, 0.0, "--outer-learning-rate must be above 0: with 0 nothing that workers learn alone is kept.")]
    public void Settings_with_which_DiLoCo_learns_nothing_are_refused(int steps, int synchronous, int workers, double rate, string sentence)
    {
        var configuration = Defaults with
        {
            Strategy = "diloco", Steps = steps, SynchronousSteps = synchronous, Workers = workers, OuterLearningRate = rate,
        };
        Assert.Equal(sentence, Assert.Throws<UsageException>(() => configuration.Validated()).Message);
    }

    [Fact]
    public void Final_learning_rate_that_is_not_given_follows_a_low_learning_rate()
    {
        Assert.Equal(1e-4, (Defaults with { LearningRate = 1e-4 }).Validated().FinalLearningRate);
        Assert.Equal(Defaults.FinalLearningRate, (Defaults with { LearningRate = 1 }).Validated().FinalLearningRate);
    }

    [Fact]
    public void Flags_of_DiLoCo_are_refused_without_it_and_no_others()
    {
        Assert.Equal(
            TrainSettings.All.Where(s => s.Description.Contains("with diloco", StringComparison.Ordinal)).Select(s => s.Key).Order(),
            TrainSettings.OfDiLoCo.Order());
        (Defaults with { Strategy = StrategyChoice.DiLoCo }).RequireEffect(TrainSettings.OfDiLoCo);
        Defaults.RequireEffect(TrainSettings.All.Select(s => s.Key).Except(TrainSettings.OfDiLoCo));
        Assert.All(TrainSettings.OfDiLoCo, key => Assert.StartsWith(
            Setting(key).Flag + " has no effect with --strategy data-parallel",
            Assert.Throws<UsageException>(() => Defaults.RequireEffect(["steps", key])).Message,
            StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("data-parallel", 100, 20, "strategy: gradients are averaged in every step")]
    [InlineData("diloco", 1300, 260, "strategy: DiLoCo: gradients are averaged in the first 260 steps, then workers train alone and average every 20 of 1040 steps, 52 times")]
    [InlineData("diloco", 50, 0, "strategy: DiLoCo: workers train alone and average every 20 of 50 steps, 3 times; 50 is no multiple of 20, so the last 10 are averaged at the end")]
    public void Strategy_is_described_in_a_line(string strategy, int steps, int synchronous, string line) =>
        Assert.Equal(line, StrategyChoice.Describe(Defaults with { Strategy = strategy, Steps = steps, SynchronousSteps = synchronous }));

    [Fact]
    public void Defaults_are_valid() => Assert.Equal(Defaults, Defaults.Validated());

    private static Setting<TrainConfiguration> Setting(string key) => TrainSettings.All.Single(s => s.Key == key);

    private static TrainConfiguration Read(string json) => ConfigurationFile.Parse(json, "x.json", Defaults, TrainSettings.All);
}
