using Crossnode.Core.Errors;

namespace Crossnode.Cli.Benchmarks;

/// <summary>A process of the benchmark ended or does not answer. The text says which, and its last words.</summary>
internal sealed class BenchException(string message) : CrossnodeException(ErrorKind.Link, message);
