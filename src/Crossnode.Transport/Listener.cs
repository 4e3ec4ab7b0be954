namespace Crossnode.Transport;

/// <summary>A place where peers can connect.</summary>
public abstract class Listener : IDisposable
{
    /// <summary>What peers pass to <see cref="ITransport.Connect"/>, such as 127.0.0.1:41234 or [::1]:41234.</summary>
    /// <remarks>Where all addresses are listened on (0.0.0.0), only the port is of use to others.</remarks>
    public abstract string Address { get; }

    /// <summary>Takes the next connection, if one is waiting.</summary>
    public abstract bool TryAccept([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Connection? connection);

    /// <summary>Stops listening; connections that were accepted live on, those still waiting are broken off.</summary>
    public abstract void Dispose();
}
