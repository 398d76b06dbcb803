using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>/proc/PID/net: tables of the network namespace. Without a network stack only the Unix sockets have rows;
/// the others are their headings.</summary>
internal static class ProcNetFiles
{
    private const int FirstNumber = 230;

    private const string Tcp =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode" +
        "                                                     \n";

    private const string Udp =
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
            + "timeout inode ref pointer drops             \n";

    private static readonly (string Name, string Text)[] s_headings =
    [
        ("arp", "IP address       HW type     Flags       HW address            Mask     Device\n"),
        ("dev", "Inter-|   Receive                                                |  Transmit\n"
            + " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
                + "drop fifo colls carrier compressed\n"),
        ("if_inet6", ""),
        ("netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"),
        ("packet", "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"),
        ("raw", Udp),
        ("route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
            + "                                                       \n"),
        ("tcp", Tcp),
        ("tcp6", Tcp),
        ("udp", Udp),
        ("udp6", Udp),
    ];

    internal static FixedDirectory Build(ProcTaskContext context, SyntheticIdentity identity)
    {
        FixedDirectory directory = new(context.Proc, identity);
        int index = FirstNumber;
        foreach ((string name, string heading) in s_headings)
        {
            directory.Add(name, File(context, index++, (_, text) => Append(text, heading)));
        }

        directory.Add("unix", File(context, index, (reader, text) => UnixSockets(context, text)));
        return directory;
    }

    private static TextFile File(ProcTaskContext context, int index, TextGenerator generate) =>
        new(context.Proc, new SyntheticIdentity(ProcSuperBlock.TaskNumber(context.Id, index), 0x124), generate);

    private static Errno Append(StringBuilder text, string content)
    {
        text.Append(content);
        return Errno.None;
    }

    private static Errno UnixSockets(ProcTaskContext context, StringBuilder text)
    {
        text.Append("Num       RefCount Protocol Flags    Type St Inode Path\n");
        context.Task?.Namespaces.Net.UnixSocketTable?.Invoke(text);
        return Errno.None;
    }
}
