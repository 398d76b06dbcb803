using System;
using System.Globalization;
using Abi.Linux;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>What a process of the specification is: identity, limits, environment, program.</summary>
internal sealed partial class Composer
{
    private const string DefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const string Failure = "unable to start container process: ";

    private static ResourceLimits LimitsOf(SandboxSpec spec)
    {
        ResourceLimits limits = ResourceLimits.ForInit();
        foreach (LimitSpec limit in spec.Limits)
        {
            limits.Set(limit.Resource, new Rlimit { rlim_cur = limit.Soft, rlim_max = limit.Hard });
        }

        return limits;
    }

    private Credentials OwnCredentials(SandboxSpec spec)
    {
        uint[] groups = spec.Groups.ToArray();
        Array.Sort(groups);
        return new Credentials
        {
            RealUid = spec.Uid,
            EffectiveUid = spec.Uid,
            SavedUid = spec.Uid,
            FsUid = spec.Uid,
            RealGid = spec.Gid,
            EffectiveGid = spec.Gid,
            SavedGid = spec.Gid,
            FsGid = spec.Gid,
            Groups = groups,
            Permitted = spec.Permitted,
            Effective = spec.Effective,
            Inheritable = spec.Inheritable,
            Bounding = spec.Bounding,
            Ambient = spec.Ambient,
            UserNamespace = Kernel.RootUserNamespace,
        };
    }

    private static bool IsExecutable(in InodeAttributes attributes) =>
        (attributes.Mode & StatMode.S_IFMT) == StatMode.S_IFREG && (attributes.Mode & 0x49) != 0;

    private Errno FindExecutable(Task task, string path)
    {
        Errno errno = Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, LookupFlags.Follow, out VfsPath found);
        InodeAttributes attributes = default;
        errno = errno == Errno.None ? found.Dentry.Inode!.GetAttributes(out attributes) : errno;
        return errno == Errno.None && !IsExecutable(attributes) ? Errno.EACCES : errno;
    }

    /// <summary>The program as execvp(3) finds it with the process's PATH; the name itself when nothing is found, so
    /// that execve says why.</summary>
    private string FindProgram(Task task, SandboxSpec spec, string name)
    {
        if (name.Contains('/'))
        {
            return name;
        }

        string searchPath = Variable(spec, "PATH") ?? DefaultSearchPath;
        foreach (string directory in searchPath.Split(':'))
        {
            string candidate = (directory.Length == 0 ? "." : directory) + "/" + name;
            if (FindExecutable(task, candidate) == Errno.None)
            {
                return candidate;
            }
        }

        return name;
    }

    /// <summary>
    /// Null when the program can be started as far as its file says; else the line that engines look at for the exit
    /// status they report (dockerd: "executable file not found" and "no such file" are 127, "permission denied" 126).
    /// </summary>
    private string? CheckProgram(Task task, SandboxSpec spec)
    {
        string name = spec.Args[0];
        string path = FindProgram(task, spec, name);
        Errno errno = path.Contains('/') ? FindExecutable(task, path) : Errno.ENOENT;
        if (errno == Errno.None)
        {
            return null;
        }

        string why = !path.Contains('/') ? "executable file not found in $PATH"
            : errno == Errno.EACCES ? ErrorText.Describe(errno)
            : "stat " + path + ": " + ErrorText.Describe(errno);
        return Failure + "exec: \"" + name + "\": " + why;
    }

    private static string? Variable(SandboxSpec spec, string name)
    {
        foreach (string entry in spec.Environment)
        {
            if (entry.Length > name.Length && entry[name.Length] == '=' && entry.StartsWith(name,
                StringComparison.Ordinal))
            {
                return entry[(name.Length + 1)..];
            }
        }

        return null;
    }

    /// <summary>HOME of a process that names none: the user's in the container's /etc/passwd, else the root.</summary>
    private void SetHome(Task task, SandboxSpec spec)
    {
        if (Variable(spec, "HOME") is not null)
        {
            return;
        }

        string home = "/";
        string uid = spec.Uid.ToString(CultureInfo.InvariantCulture);
        foreach (string line in ReadSmallFile(task, "/etc/passwd").Split('\n'))
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

        spec.Environment.Add("HOME=" + home);
    }
}
