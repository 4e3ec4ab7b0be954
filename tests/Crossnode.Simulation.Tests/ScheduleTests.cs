using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Tests;

/// <summary>What every schedule has at least.</summary>
[Trait("tier", "unit")]
public sealed class ScheduleTests
{
    [Fact]
    public void Schedules_have_four_members_twenty_operations_on_two_tags_three_faults_a_join_a_restart_and_a_coordinator_that_comes_back()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var schedule = ScheduleGenerator.Make(seed);
            Assert.True(schedule.Members >= 4);
            Assert.True(schedule.Tags.Length >= 2);
            Assert.True(schedule.Tags.Sum(tag => tag.Operations.Length) >= 20);
            Assert.Equal(schedule.Tags.Length, schedule.Tags.Select(tag => tag.Tag).Distinct().Count());
            Assert.True(schedule.Faults.Count(fault => fault.Kind != FaultKind.Cancel) >= 3);
            Assert.Contains(schedule.Faults, fault => fault.Kind == FaultKind.Join);
            Assert.Contains(schedule.Faults, fault => fault.Kind == FaultKind.Restart);
            Assert.Contains(schedule.Faults, fault => fault.Kind is FaultKind.RestartCoordinator or FaultKind.LoseRecord);
            Assert.Equal(
                Enumerable.Range(schedule.Members, schedule.Joins + schedule.Restarts),
                schedule.Faults.Where(fault => fault.Kind is FaultKind.Join or FaultKind.Restart).Select(fault => fault.Newcomer).Order());
        }
    }

    [Fact]
    public void Schedules_of_seeds_in_a_row_have_nothing_in_common()
    {
        var thoughts = Enumerable.Range(0, 500).SelectMany(seed => ScheduleGenerator.Make(seed).Tags[0].Operations[0].Think).ToList();
        Assert.True(thoughts.Distinct().Count() > 0.98 * thoughts.Count);
    }

    [Fact]
    public void Every_fault_is_drawn()
    {
        var drawn = Enumerable.Range(0, 2000).SelectMany(seed => ScheduleGenerator.Make(seed).Faults).Select(fault => fault.Kind).ToHashSet();
        Assert.Empty(Enum.GetValues<FaultKind>().Except(drawn));
    }
}
