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
    /// <summary>Tasks of a sandbox without a limit of its own: each has a host thread.</summary>
    private const int MostTasks = 16384;

    private GuestKernel MakeKernel(MemoryFile memory, ulong machineBytes)
    {
        GuestKernel kernel = new()
        {
            Platform = _platform,
            MemoryFile = memory,
            MachineMemoryBytes = machineBytes,
            HostCpus = new HostCpus(_spec.MostCpus),
            HostClockSource = _spec.HostClockSource,
            CpuBandwidth = new CpuBandwidth(_spec.CpuQuotaUs, _spec.CpuPeriodUs, _spec.CpuWeight),
            StraceSink = new StraceSink(_log),
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
        return new InitProcess
        {
            Credentials = SetupCredentials(),
            Limits = LimitsOf(_spec),
            FdTable = new FdTable(),
            HostName = _spec.Hostname,
            DomainName = _spec.Domainname,
            PrivilegeGain = _spec.NoNewPrivileges ? PrivilegeGain.Denied : PrivilegeGain.Allowed,
            Protection = _spec.Kind == SandboxKind.Container ? InitProtection.Protected : InitProtection.None,
            OomScoreAdjust = _spec.OomScoreAdjust,
            MaxTasks = _spec.PidsLimit > 0 ? (int)Math.Min(_spec.PidsLimit, int.MaxValue) : int.MaxValue,
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
        public void WriteLine(string line) => log.Trace(line);
    }
}
