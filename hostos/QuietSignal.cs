using System.Threading;
using Abi.Linux;

namespace HostOs;

/// <summary>
/// A handler that does nothing, for a signal whose only purpose is to end a blocking system call with EINTR (an
/// ignored signal would not).
/// </summary>
public static class QuietSignal
{
    private const int RestorerOffset = 8;
    private static readonly Lock s_gate = new();
    private static nint s_code;

    /// <summary>The routine, and at offset 8 the restorer that SA_RESTORER wants.</summary>
    private static System.ReadOnlySpan<byte> Routine =>
    [
        0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, // ret
        0xb8, 0x0f, 0x00, 0x00, 0x00,                   // mov eax, rt_sigreturn
        0x0f, 0x05,                                     // syscall
    ];

    /// <summary>Makes the process catch the signal and do nothing; system calls that can be are restarted.</summary>
    public static Errno Install(int signal)
    {
        lock (s_gate)
        {
            s_code = s_code == 0 ? CodeMemory.Load(Routine) : s_code;
        }
        return HostSignal.SetAction(signal, new HostSigaction
        {
            Handler = s_code,
            Restorer = s_code + RestorerOffset,
            Flags = HostSignal.FlagRestorer | HostSignal.FlagRestart | HostSignal.FlagOnStack,
        });
    }
}
