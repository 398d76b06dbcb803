using System;
using System.Text;
using Abi.Linux;
using HostOs;
using Platform.Kvm;
using Runsc.Cli;

namespace Runsc.Sandbox;

/// <summary>
/// Whether the Sentry can serve guests from ring 0 of a virtual machine on this host, and why not. Making a machine to
/// find that out takes time, so what was found is kept in a file until the host boots again; that the device can be
/// opened is looked at every time.
/// </summary>
/// <param name="WhyNot">Empty: it can.</param>
internal readonly record struct KvmVerdict(string WhyNot)
{
    private const int OwnerOnly = 0x180;

    /// <summary>First word of the file; changes whenever what is looked at does.</summary>
    private const string Format = "kvm-verdict-2";

    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    internal bool IsRing0 => WhyNot.Length == 0;

    /// <summary>The verdict for this host and this user.</summary>
    internal static KvmVerdict Find() => Find(DefaultPath());

    /// <summary>The verdict, kept in a file; without a path it is not kept.</summary>
    internal static KvmVerdict Find(string path)
    {
        if (KvmPlatform.OpenDevice(out HostFd? device, out string problem) != Errno.None)
        {
            return new KvmVerdict(problem);
        }

        string boot = SmallFile.Read(BootIdFile).TrimEnd('\n');
        if (path.Length > 0 && boot.Length > 0 && TryParse(SmallFile.Read(path), boot, out KvmVerdict kept))
        {
            device!.Dispose();
            return kept;
        }

        Errno errno = KvmPlatform.Calibrate(device!, out string whyNot);
        KvmVerdict found = new(whyNot);
        if (errno == Errno.None && path.Length > 0)
        {
            Keep(path, found.ToText(boot));
        }

        return found;
    }

    /// <summary>Reads what <see cref="ToText"/> has written in this boot of the host.</summary>
    internal static bool TryParse(string text, string boot, out KvmVerdict verdict)
    {
        string[] words = text.TrimEnd('\n').Split(' ', 3);
        bool known = words.Length == 3 && words[0] == Format && words[1] == boot && text.EndsWith('\n');
        verdict = new KvmVerdict(known ? words[2] : "");
        return known;
    }

    /// <summary>One line: what it is, the boot, why not.</summary>
    internal string ToText(string boot) => Format + " " + boot + " " + WhyNot + "\n";

    private static string DefaultPath()
    {
        string directory = HostIds.IsRoot ? "/run" : ByteStrings.Variable("XDG_RUNTIME_DIR");
        return directory.Length > 0 ? directory + "/runsc-kvm" : "";
    }

    /// <summary>Whoever starts at the same time finds the same. Where nothing can be kept, it is found anew.</summary>
    private static void Keep(string path, string text)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Truncate | HostFcntl.CloseOnExec;
        string temporary = path + "." + HostUnistd.GetPid();
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, temporary, Flags, OwnerOnly, out int opened) != Errno.None)
        {
            return;
        }

        using HostFd file = new(opened);
        if (HostUnistd.WriteAll(opened, Encoding.Latin1.GetBytes(text)) != Errno.None
            || HostUnistd.RenameAt2(HostFcntl.AtFdCwd, temporary, HostFcntl.AtFdCwd, path, 0) != Errno.None)
        {
            HostUnistd.UnlinkAt(HostFcntl.AtFdCwd, temporary, 0);
        }
    }
}
