using Crossnode.Core;

namespace Crossnode.Coordinator;

/// <summary>Serves one run: embedded in a launcher today, behind a cluster later.</summary>
public interface IRunHost : IDisposable
{
    /// <summary>Where members connect: HOST:PORT.</summary>
    string Address { get; }

    /// <summary>The run that is served.</summary>
    RunId Run { get; }

    /// <summary>What happened, in order; raised on the owner thread, so keep handlers short.</summary>
    event Action<RunNews>? News;
}

/// <summary>Kinds of news about a run.</summary>
public enum RunNewsKind
{
    /// <summary>A view was announced.</summary>
    ViewAnnounced,

    /// <summary>A process that was not in the view before is in this one.</summary>
    MemberJoined,

    /// <summary>A newcomer can be called by no member; the text says who tried. It was told the same.</summary>
    Notice,

    /// <summary>A member was left out or left; the text says why.</summary>
    MemberGone,

    /// <summary>A member said something for people.</summary>
    Note,

    /// <summary>All members have left.</summary>
    Finished,

    /// <summary>The run cannot go on, or never started; the text says why.</summary>
    Failed,

    /// <summary>Something else worth a line.</summary>
    Log,

    /// <summary>A coordinator that was started again goes on with this view from its record; its members are yet to come back.</summary>
    TakenUp,

    /// <summary>Something goes wrong that whoever runs the coordinator should see; the text says what to do.</summary>
    Trouble,

    /// <summary>Another coordinator serves the run: this one is over, the run is not.</summary>
    Deposed,
}

/// <summary>One piece of news.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Member">The member it is about.</param>
/// <param name="View">The view announced.</param>
/// <param name="Members">The members of the view.</param>
/// <param name="Text">For people; the topic of a note.</param>
/// <param name="Json">The body of a note.</param>
public sealed record RunNews(
    RunNewsKind Kind,
    MemberId? Member = null,
    ViewId View = default,
    IReadOnlyList<MemberId>? Members = null,
    string? Text = null,
    string? Json = null);
