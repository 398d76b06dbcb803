using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Fs.SignalFd;

/// <summary>Turns a siginfo_t into what signalfd(2) reads: which fields count depends on signal and code
/// (kernel/signal.c, siginfo_layout).</summary>
internal static class SignalFdRecord
{
    private const int PollCodes = 6;

    /// <summary>Writes the 128 bytes of a record.</summary>
    internal static void Write(in SigInfo info, Span<byte> destination)
    {
        SignalfdSiginfo record = Convert(info);

        // SAFETY: the record is an unmanaged struct; MemoryMarshal.Write checks the length.
        MemoryMarshal.Write(destination, record);
    }

    /// <summary>The record of a signal.</summary>
    internal static SignalfdSiginfo Convert(in SigInfo info)
    {
        SignalfdSiginfo record = new()
        {
            ssi_signo = (uint)info.si_signo,
            ssi_errno = info.si_errno,
            ssi_code = info.si_code,
        };
        if (info.si_code == SigCode.SI_TIMER)
        {
            record.ssi_tid = (uint)info.si_timerid;
            record.ssi_overrun = (uint)info.si_overrun;
            FillValue(info, ref record);
        }
        else if (info.si_code is > SigCode.SI_USER and < SigCode.SI_KERNEL)
        {
            FillFromKernel(info, ref record);
        }
        else if (info.si_code == SigCode.SI_SIGIO)
        {
            FillPoll(info, ref record);
        }
        else
        {
            record.ssi_pid = (uint)info.si_pid;
            record.ssi_uid = info.si_uid;
            if (info.si_code < 0 && info.si_code != SigCode.SI_TKILL)
            {
                FillValue(info, ref record);
            }
        }

        return record;
    }

    private static void FillFromKernel(in SigInfo info, ref SignalfdSiginfo record)
    {
        switch (info.si_signo)
        {
            case Signals.SIGCHLD:
                record.ssi_pid = (uint)info.si_pid;
                record.ssi_uid = info.si_uid;
                record.ssi_status = info.si_status;
                record.ssi_utime = (ulong)info.si_utime;
                record.ssi_stime = (ulong)info.si_stime;
                break;
            case Signals.SIGSEGV or Signals.SIGBUS or Signals.SIGILL or Signals.SIGFPE or Signals.SIGTRAP:
                record.ssi_addr = info.si_addr;
                record.ssi_addr_lsb = info.si_signo == Signals.SIGBUS ? (ushort)info.si_addr_lsb : (ushort)0;
                break;
            case Signals.SIGSYS:
                record.ssi_call_addr = info.si_call_addr;
                record.ssi_syscall = info.si_syscall;
                record.ssi_arch = info.si_arch;
                break;
            case Signals.SIGIO:
                FillPoll(info, ref record);
                break;
            default:
                // A code of SIGPOLL on another signal (F_SETSIG) has its layout; anything else tells a sender.
                if (info.si_code <= PollCodes)
                {
                    FillPoll(info, ref record);
                    break;
                }

                record.ssi_pid = (uint)info.si_pid;
                record.ssi_uid = info.si_uid;
                break;
        }
    }

    private static void FillPoll(in SigInfo info, ref SignalfdSiginfo record)
    {
        record.ssi_band = (uint)info.si_band;
        record.ssi_fd = info.si_fd;
    }

    private static void FillValue(in SigInfo info, ref SignalfdSiginfo record)
    {
        record.ssi_ptr = info.si_value;
        record.ssi_int = info.si_int;
    }
}
