using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Fs.Devpts;
using Sentry.Fs.Host;
using Sentry.Kernel;
using Sentry.Tty;
using Sentry.Vfs;
using Console = Sentry.Fs.Devpts.Console;
using Terminal = Sentry.Tty.Terminal;

namespace Runsc.Boot;

/// <summary>Processes that enter the running sandbox.</summary>
internal sealed partial class Composer
{
    private readonly Lock _hostFilesLock = new();
    private HostFiles? _hostFiles;

    /// <summary>
    /// Starts a process in the namespaces of the container's first one. Its streams are descriptors of the host, which
    /// become the process's. Null, or one line that says why not; <paramref name="onEnd"/> hears the wait status on
    /// any thread.
    /// </summary>
    internal string? Execute(SandboxSpec spec, HostFd[] streams, Action<int> onEnd, out GuestProcess? process)
    {
        process = null;
        if (First?.Leader.PeekMountNamespace() is not { } mounts)
        {
            return "cannot exec in a stopped container";
        }

        mounts.AddUser();
        VfsPath root = mounts.Root.RootPath;
        InitProcess description = new()
        {
            Credentials = SetupCredentials(),
            Limits = LimitsOf(spec),
            FdTable = new FdTable(),
            FsContext = new FsContext(Kernel.Vfs, root, root, spec.Umask),
            MountNamespace = mounts,
            PrivilegeGain = spec.NoNewPrivileges ? PrivilegeGain.Denied : PrivilegeGain.Allowed,
            OomScoreAdjust = spec.OomScoreAdjust,
        };
        Errno errno = Kernel.CreateProcess(description, First, onEnd, out Task? task);
        if (errno != Errno.None)
        {
            mounts.DropUser();
            return Failure + ErrorText.Describe(errno);
        }

        GuestProcess made = new(task!, streams);
        string? problem = OpenStreams(made, spec) ?? RunProgram(task!, spec);
        if (problem is not null)
        {
            Kernel.Discard(task!);
            made.Dispose();
            return problem;
        }

        process = made;
        return null;
    }

    /// <summary>Directory, identity, program.</summary>
    private string? RunProgram(Task task, SandboxSpec spec)
    {
        string? problem = EnterWorkingDirectory(task, spec) ?? CheckProgram(task, spec);
        if (problem is not null)
        {
            return problem;
        }

        SetHome(task, spec);
        task.CommitCredentials(OwnCredentials(spec));
        ApplySeccomp(task);
        string path = FindProgram(task, spec, spec.Args[0]);
        Errno errno = Kernel.Start(task, path, spec.Args.ToArray(), spec.Environment.ToArray());
        return errno == Errno.None ? null : Failure + "exec " + spec.Args[0] + ": " + ErrorText.Describe(errno);
    }

    private string? OpenStreams(GuestProcess process, SandboxSpec spec)
    {
        Errno errno = Errno.None;
        int first = 0;
        if (spec.Terminal)
        {
            errno = OpenTerminal(process, spec);
            if (errno != Errno.None)
            {
                return "terminal in " + TerminalDirectory + ": " + ErrorText.Describe(errno);
            }

            first = PreservedFiles.First;
        }

        for (int fd = first; fd < process.Streams.Length && errno == Errno.None; fd++)
        {
            // The file system has its own copy.
            using HostFd stream = process.Streams[fd];
            errno = Install(process.Task, fd, stream.Value);
        }

        return errno == Errno.None ? null : "standard streams: " + ErrorText.Describe(errno);
    }

    private Errno OpenTerminal(GuestProcess process, SandboxSpec spec)
    {
        Task task = process.Task;
        Winsize size = new() { ws_row = spec.TerminalRows, ws_col = spec.TerminalColumns };
        Errno errno = Console.Open(task, TerminalDirectory, size, out Terminal? terminal, out FileDescription? slave);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = GiveTerminal(task, TerminalDirectory + "/" + terminal!.Index, spec.Uid);
        for (int fd = 0; fd < 3 && errno == Errno.None; fd++)
        {
            slave!.AddReference();
            errno = task.FdTable.InstallAt(task, fd, slave, CloseOnExec.No);
        }

        slave!.DropReference(task);
        HostConsole? console = null;
        errno = errno == Errno.None
            ? HostConsole.Start(terminal, process.Streams[0].Value, process.Streams[1].Value, out console,
                spec.TypedAhead)
            : errno;
        process.SetConsole(terminal, console);
        return errno;
    }

    private Errno GetHostFiles(out HostFiles? files)
    {
        if (_sandbox is not null)
        {
            return _sandbox.GetHostFiles(out files);
        }

        lock (_hostFilesLock)
        {
            Errno errno = Errno.None;
            if (_hostFiles is null)
            {
                errno = HostNotifier.Create(out HostNotifier? notifier);
                _hostFiles = errno == Errno.None ? new HostFiles(notifier!, Kernel.Vfs.AllocateDevice()) : null;
            }

            files = _hostFiles;
            return errno;
        }
    }
}
