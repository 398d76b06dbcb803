using System;
using System.IO;
using Abi.Linux;
using Platform;
using Platform.Ptrace;
using Sentry.Fs.Tmpfs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>A kernel with a tmpfs root on the ptrace platform: programs are copied in from the host and run.</summary>
internal sealed class GuestSandbox : IStraceSink
{
    private const ulong MemoryBytes = 1UL << 30;
    private static readonly Lazy<IPlatform> s_platform = new(MakePlatform);

    private readonly VirtualFileSystem _vfs;
    private readonly Task _init;
    private readonly StreamWriter? _trace;

    internal GuestSandbox(string? traceFile = null)
    {
        Assert.Equal(Errno.None, MemoryFile.Create(MemoryBytes, MemoryBytes, out MemoryFile? memory));
        _trace = traceFile is null ? null : new StreamWriter(traceFile) { AutoFlush = true };
        Kernel = new GuestKernel
        {
            Platform = s_platform.Value,
            MemoryFile = memory!,
            StraceSink = this,
            Instrumentation = traceFile is null ? DispatchFlags.None : DispatchFlags.Trace,
        };
        _vfs = Kernel.Vfs;
        _init = Kernel.CreateInit(new InitProcess
        {
            Credentials = Credentials.Root(Kernel.RootUserNamespace),
            FdTable = new FdTable(),
        });
        Assert.Equal(Errno.None, new TmpfsType().Mount(_init, "root", 0, "mode=755", out SuperBlock? root));
        MountNamespace mounts = MountNamespace.Create(_vfs, root!, 0, Kernel.RootUserNamespace);
        _init.SetFileSystem(new FsContext(_vfs, mounts.Root.RootPath, mounts.Root.RootPath, 0x12), mounts);
        Output = new CaptureFile(Kernel);
        for (int fd = 0; fd < 3; fd++)
        {
            Output.AddReference();
            Assert.Equal(Errno.None, _init.FdTable.Install(_init, Output, CloseOnExec.No, out _));
        }
    }

    internal GuestKernel Kernel { get; }

    /// <summary>Standard input, output and error.</summary>
    internal CaptureFile Output { get; }

    public void WriteLine(string line)
    {
        StreamWriter? trace = _trace;
        if (trace is not null)
        {
            lock (trace)
            {
                trace.WriteLine(line);
            }
        }
    }

    /// <summary>Copies a host file into the sandbox, making the directories above it.</summary>
    internal void Add(string hostPath, string guestPath)
    {
        string[] parts = guestPath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string directory = "";
        for (int i = 0; i < parts.Length - 1; i++)
        {
            directory += "/" + parts[i];
            _vfs.MakeDirectory(_init, Fcntl.AT_FDCWD, directory, 0x1ED);
        }

        OpenRequest request = new(Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_TRUNC, 0x1ED, LookupFlags.None);
        Assert.Equal(Errno.None, _vfs.Open(_init, Fcntl.AT_FDCWD, guestPath, request, out FileDescription? file));
        byte[] content = File.ReadAllBytes(hostPath);
        IoSequence source = IoSequence.FromBuffer(content);
        Assert.Equal(Errno.None, file!.PWrite(_init, ref source, 0, out long done, out _));
        Assert.Equal(content.Length, done);
        file.DropReference(_init);
    }

    /// <summary>Runs a program as the first process; its wait status.</summary>
    internal int Run(string path, params string[] arguments)
    {
        Assert.Equal(Errno.None, Kernel.Start(_init, path, arguments, ["PATH=/bin:/usr/bin", "HOME=/"]));
        return Kernel.WaitForExit();
    }

    private static IPlatform MakePlatform()
    {
        Assert.True(PtracePlatform.Create(out PtracePlatform? platform, out string problem) == Errno.None, problem);
        return platform!;
    }
}
