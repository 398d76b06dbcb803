using System.CommandLine;
using System.Globalization;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc events</c>: what a container uses, once (<c>--stats</c>) or again and again, and when memory was
/// short.</summary>
internal static class EventsCommand
{
    private const long NsPerSecond = 1_000_000_000;

    internal static Command Build()
    {
        Argument<string> id = new("container-id");
        Option<bool> once = new("--stats") { Description = "Print once and end." };
        Option<string> interval = new("--interval") { Description = "Seconds between lines (5s).",
            DefaultValueFactory = _ => "5s" };
        Command command = new("events", "Print what a container uses.") { once, interval, id };
        command.SetAction(result =>
        {
            using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(id)!);
            return Run(container, result.GetValue(once), ParseSeconds(result.GetValue(interval)!));
        });
        return command;
    }

    private static int Run(Container container, bool isOnce, long seconds)
    {
        if (container.Status is ContainerStatus.Stopped or ContainerStatus.Creating)
        {
            throw new UserErrorException("container not running");
        }

        long oomKills = 0;
        do
        {
            SandboxStatistics statistics;
            try
            {
                using ControlClient client = container.Connect();
                statistics = client.Ask(new ControlRequest { Kind = RequestKind.Statistics }).Statistics!;
            }
            catch (UserErrorException) when (!isOnce)
            {
                return 0;
            }

            for (; !isOnce && oomKills < statistics.OomKills; oomKills++)
            {
                Output.Write(Events.DescribeOom(container));
            }

            Output.Write(Events.Describe(container, statistics));
        }
        while (!isOnce && !container.State.Sentry.AwaitEnd(seconds * NsPerSecond));

        return 0;
    }

    private static long ParseSeconds(string text)
    {
        string digits = text.EndsWith('s') ? text[..^1] : text;
        bool isNumber = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds);
        return isNumber && seconds is > 0 and < 1_000_000 ? seconds
            : throw new UserErrorException("events: --interval: " + text + ": not a number of seconds");
    }
}
