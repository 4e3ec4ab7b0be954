using System.CommandLine;
using Crossnode.Cli.Output;
using Crossnode.Cli.Training;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode data: what a corpus is made of, and what counting alone learns from it.</summary>
internal static class DataCommand
{
    public static Command Create(CommandContext context)
    {
        var command = new Command("data", "Show what crossnode train learns from, and what count models reach on the held-out part.");
        var data = new Option<string[]>("--data")
        {
            Description = "text: files, folders or patterns with *, ? and **; none takes the .NET SDK's documentation",
            HelpName = "FILES",
            AllowMultipleArgumentsPerToken = true,
        };
        var json = CommonOptions.Json();
        var files = new Option<bool>("--files") { Description = "list every file, after the sums" };
        command.Add(data);
        command.Add(files);
        command.Add(json);
        command.SetAction(parsed => Run(context, parsed.GetValue(data) ?? [], parsed.GetValue(files), parsed.GetValue(json)));
        return command;
    }

    private static int Run(CommandContext context, string[] patterns, bool files, bool json)
    {
        var people = json ? context.Streams.Error : context.Streams.Out;
        DataFlag.Check(patterns);
        people.WriteLine("reading the corpus ...");
        var corpus = patterns.Length > 0 ? Corpus.FromFiles(patterns) : Corpus.FromSdk();
        var report = corpus.Report!;
        people.WriteLine(FormattableString.Invariant(
            $"{corpus.Training.Length} bytes learned from {report.Training.Count} files, {corpus.HeldOut.Length} bytes held out from {report.HeldOut.Count}"));
        people.WriteLine($"dropped, because an equal file is in the corpus: {report.Duplicates.Count}");
        people.WriteLine("comparing lines, and counting with 1 to 4 bytes of context ...");
        var (repeated, total) = corpus.CountRepeatedLines();
        var losses = new CountModel(corpus.Training.Span).NatsPerByte(corpus.HeldOut.Span);
        people.WriteLine(FormattableString.Invariant(
            $"{repeated} of {total} held-out lines ({(double)repeated / Math.Max(1, total):0.0%}) also occur in what is learned"));
        for (var length = 1; length <= CountModel.LongestContext; length++)
        {
            people.WriteLine(FormattableString.Invariant(
                $"a count model with {length} byte{(length > 1 ? "s" : "")} of context reaches {losses[length]:0.000} nats per byte on the held-out part"));
        }
        if (files)
        {
            List(people, report);
        }
        if (json)
        {
            context.Streams.Out.WriteLine(JsonLines.Write(new CorpusLine(
                "corpus", corpus.Training.Length, corpus.HeldOut.Length, report.Training.Count, report.HeldOut.Count, report.Duplicates.Count)));
            context.Streams.Out.WriteLine(JsonLines.Write(new HeldOutLinesLine("heldOutLines", total, repeated)));
            context.Streams.Out.WriteLine(JsonLines.Write(new CountModelLine("countModels", losses[1], losses[2], losses[3], losses[4])));
        }
        return ExitCodes.Success;
    }

    private static void List(TextWriter people, CorpusReport report)
    {
        List(people, "learned", report.Training);
        List(people, report.HeldOutIsTail ? "held out (the end of the largest file)" : "held out", report.HeldOut);
        people.WriteLine("dropped:");
        foreach (var name in report.Duplicates)
        {
            people.WriteLine($"  {name}");
        }
    }

    private static void List(TextWriter writer, string what, IReadOnlyList<CorpusDocument> documents)
    {
        writer.WriteLine($"{what}: {documents.Count} files");
        foreach (var document in documents)
        {
            writer.WriteLine($"  {document.Bytes,10}  {document.Name}");
        }
    }
}
