using System;
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
            kernel.MaxTasks = (int)Math.Min(_spec.PidsLimit, kernel.MaxTasks);
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

        return new InitProcess
        {
            Credentials = SetupCredentials(),
            Limits = limits,
            FdTable = new FdTable(),
            HostName = _spec.Hostname,
            DomainName = _spec.Domainname,
            PrivilegeGain = _spec.NoNewPrivileges ? PrivilegeGain.Denied : PrivilegeGain.Allowed,
            Protection = _spec.Kind == SandboxKind.Container ? InitProtection.Protected : InitProtection.None,
            OomScoreAdjust = _spec.OomScoreAdjust,
        };
    }

    /// <summary>Root with every capability: mounts, nodes and settings are made before the process gets its own
    /// identity.</summary>
    private Credentials SetupCredentials() => new()
    {
        Permitted = Oci.Capabilities.All,
        Effective = Oci.Capabilities.All,
        Bounding = Oci.Capabilities.All,
        UserNamespace = Kernel.RootUserNamespace,
    };

    private Credentials OwnCredentials()
    {
        uint[] groups = _spec.Groups.ToArray();
        Array.Sort(groups);
        return new Credentials
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

    private string SearchPath() => Variable("PATH") ?? DefaultSearchPath;

    private string? Variable(string name)
    {
        foreach (string entry in _spec.Environment)
        {
            if (entry.Length > name.Length && entry[name.Length] == '=' && entry.StartsWith(name,
                StringComparison.Ordinal))
            {
                return entry[(name.Length + 1)..];
            }
        }

        return null;
    }

    /// <summary>HOME of a container that names none: the user's in its /etc/passwd, else the root.</summary>
    private void SetHome(Task init)
    {
        if (Variable("HOME") is not null)
        {
            return;
        }

        string home = "/";
        string uid = _spec.Uid.ToString(System.Globalization.CultureInfo.InvariantCulture);
        foreach (string line in ReadSmallFile(init, "/etc/passwd").Split('\n'))
        {
            const int UidField = 2;
            const int HomeField = 5;
            string[] fields = line.Split(':');
            if (fields.Length > HomeField && fields[UidField] == uid && fields[HomeField].Length > 0)
            {
                home = fields[HomeField];
                break;
            }
        }

        _spec.Environment.Add("HOME=" + home);
    }

    /// <summary>Contents of a file of the container, "" when it cannot be read; a large one is cut.</summary>
    private string ReadSmallFile(Task init, string path)
    {
        const int MaxBytes = 1 << 20;
        OpenRequest request = new(Fcntl.O_RDONLY | Fcntl.O_NONBLOCK, 0, LookupFlags.NoPermissionChecks);
        Errno errno = Kernel.Vfs.Open(init, Fcntl.AT_FDCWD, path, request, out FileDescription? file);
        if (errno != Errno.None)
        {
            return "";
        }

        byte[] text = new byte[MaxBytes];
        int length = 0;
        while (length < MaxBytes)
        {
            IoSequence destination = IoSequence.FromBuffer(text.AsSpan(length));
            if (file!.Read(init, ref destination, out long done) != Errno.None || done == 0)
            {
                break;
            }

            length += (int)done;
        }

        file!.DropReference(init);
        return System.Text.Encoding.Latin1.GetString(text, 0, length);
    }

    /// <summary>Writes strace lines to the debug log.</summary>
    private sealed class StraceSink(DebugLog log) : IStraceSink
    {
        public void WriteLine(string line) => log.Write(line);
    }
}
