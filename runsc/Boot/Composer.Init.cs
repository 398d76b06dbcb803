using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;
using Sentry.Fs.Host;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>The kernel, the first process, its descriptors and its program.</summary>
internal sealed partial class Composer
{
    private const string DefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static bool IsExecutable(in InodeAttributes attributes) =>
        (attributes.Mode & StatMode.S_IFMT) == StatMode.S_IFREG && (attributes.Mode & 0x49) != 0;

    private GuestKernel MakeKernel(MemoryFile memory)
    {
        GuestKernel kernel = new()
        {
            Platform = _platform,
            MemoryFile = memory,
            StraceSink = _spec.Strace ? new StraceSink(_log) : null,
            Instrumentation = (_spec.Strace ? DispatchFlags.Trace : DispatchFlags.None)
                | (_spec.CountCalls ? DispatchFlags.Count : DispatchFlags.None),
        };
        if (_spec.PidsLimit > 0)
        {
            kernel.MaxTasks = (int)System.Math.Min(_spec.PidsLimit, kernel.MaxTasks);
        }

        return kernel;
    }

    private InitProcess MakeInit()
    {
        ResourceLimits limits = ResourceLimits.ForInit();
        foreach (LimitSpec limit in _spec.Limits)
        {
            limits.Set(limit.Resource, new Rlimit { rlim_cur = limit.Soft, rlim_max = limit.Hard });
        }

        uint[] groups = _spec.Groups.ToArray();
        System.Array.Sort(groups);
        return new InitProcess
        {
            Credentials = new Credentials
            {
                RealUid = _spec.Uid,
                EffectiveUid = _spec.Uid,
                SavedUid = _spec.Uid,
                FsUid = _spec.Uid,
                RealGid = _spec.Gid,
                EffectiveGid = _spec.Gid,
                SavedGid = _spec.Gid,
                FsGid = _spec.Gid,
                Groups = groups,
                Permitted = _spec.Permitted,
                Effective = _spec.Effective,
                Inheritable = _spec.Inheritable,
                Bounding = _spec.Bounding,
                Ambient = _spec.Ambient,
                UserNamespace = Kernel.RootUserNamespace,
            },
            Limits = limits,
            FdTable = new FdTable(),
            HostName = _spec.Hostname,
            DomainName = _spec.Domainname,
            PrivilegeGain = _spec.NoNewPrivileges ? PrivilegeGain.Denied : PrivilegeGain.Allowed,
        };
    }

    /// <summary>The program as execvp(3) finds it with the container's PATH; the name itself when nothing is found,
    /// so that execve says why.</summary>
    private string FindProgram(string name)
    {
        if (name.Contains('/'))
        {
            return name;
        }

        foreach (string directory in SearchPath().Split(':'))
        {
            string candidate = (directory.Length == 0 ? "." : directory) + "/" + name;
            Errno errno = Kernel.Vfs.Lookup(_init!, Fcntl.AT_FDCWD, candidate, LookupFlags.Follow, out VfsPath found);
            if (errno == Errno.None && found.Dentry.Inode!.GetAttributes(
                out InodeAttributes attributes) == Errno.None && IsExecutable(attributes))
            {
                return candidate;
            }
        }

        return name;
    }

    private string SearchPath()
    {
        const string Name = "PATH=";
        foreach (string entry in _spec.Environment)
        {
            if (entry.StartsWith(Name, System.StringComparison.Ordinal))
            {
                return entry[Name.Length..];
            }
        }

        return DefaultSearchPath;
    }

    /// <summary>Writes strace lines to the debug log.</summary>
    private sealed class StraceSink(DebugLog log) : IStraceSink
    {
        public void WriteLine(string line) => log.Write(line);
    }
}
