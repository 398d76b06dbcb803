using System.CommandLine;
using HostOs;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc update</c>: new limits for a running container.</summary>
internal static class UpdateCommand
{
    private static readonly Option<string?> s_resources = new("--resources", "-r") { Description =
        "File with linux.resources of a config.json; - for standard input." };

    private static readonly Option<string?> s_memory = new("--memory") { Description =
        "Bytes (K, M and G are units); -1 for no limit." };

    private static readonly Option<string?> s_swap = new("--memory-swap") { Description = "Memory and swap, bytes." };

    private static readonly Option<string?> s_reservation = new("--memory-reservation") { Description =
        "Soft limit, bytes." };

    private static readonly Option<long> s_pids = new("--pids-limit") { Description = "Tasks; -1 for no limit." };

    private static readonly Option<long> s_shares = new("--cpu-share") { Description = "Weight." };

    private static readonly Option<long> s_quota = new("--cpu-quota") { Description = "Microseconds of a period." };

    private static readonly Option<long> s_period = new("--cpu-period") { Description = "Microseconds." };

    private static readonly Option<string?> s_cpus = new("--cpuset-cpus") { Description = "Processors." };

    private static readonly Option<string?> s_mems = new("--cpuset-mems") { Description = "Memory nodes." };

    private static readonly Argument<string> s_id = new("container-id");

    internal static Command Build()
    {
        Command command = new("update", "Change the limits of a container.") { s_resources, s_memory, s_swap,
            s_reservation, s_pids, s_shares, s_quota, s_period, s_cpus, s_mems, s_id };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(s_id)!);
        ResourcesSpec resources = result.GetValue(s_resources) is { } file
            ? SpecLoader.LoadResources(file == "-" ? "/proc/self/fd/0" : file)
            : FromFlags(result);
        using HostFd changes = container.Lock();
        if (container.Status is ContainerStatus.Stopped or ContainerStatus.Creating)
        {
            throw new UserErrorException("container not running");
        }

        using ControlClient client = container.Connect();
        new ContainerGroups(container.State, resources).Update();
        client.Ask(new ControlRequest
        {
            Kind = RequestKind.Update,
            MemoryLimitBytes = resources.Memory?.Limit ?? 0,
            PidsLimit = resources.Pids?.Limit ?? 0,
            CpuQuotaUs = resources.Cpu?.Quota ?? 0,
            CpuPeriodUs = resources.Cpu?.Period ?? 0,
            CpuWeight = resources.Cpu?.Shares is > 0 and long shares ? Cgroups.WeightOf(shares) : 0,
        });
        return 0;
    }

    private static long Bytes(ParseResult result, Option<string?> option)
    {
        string? text = result.GetValue(option);
        return text switch
        {
            null or "0" => 0,
            "-1" => -1,
            _ => Sizes.Parse("update: " + option.Name, text),
        };
    }

    private static ResourcesSpec FromFlags(ParseResult result) => new()
    {
        Memory = new MemorySpec
        {
            Limit = Bytes(result, s_memory),
            Swap = Bytes(result, s_swap),
            Reservation = Bytes(result, s_reservation),
        },
        Pids = new PidsSpec { Limit = result.GetValue(s_pids) },
        Cpu = new CpuSpec
        {
            Shares = result.GetValue(s_shares),
            Quota = result.GetValue(s_quota),
            Period = result.GetValue(s_period),
            Cpus = result.GetValue(s_cpus),
            Mems = result.GetValue(s_mems),
        },
    };
}
