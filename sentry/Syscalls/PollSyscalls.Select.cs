using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

// select(2) and pselect(2).
public static partial class PollSyscalls
{
    private const uint ReadConditions =
        Epoll.EPOLLRDNORM | Epoll.EPOLLRDBAND | Epoll.EPOLLIN | Epoll.EPOLLHUP | Epoll.EPOLLERR;

    private const uint WriteConditions = Epoll.EPOLLWRBAND | Epoll.EPOLLWRNORM | Epoll.EPOLLOUT | Epoll.EPOLLERR;
    private const uint ExceptionConditions = Epoll.EPOLLPRI;
    private const int BitsPerWord = 64;
    private const int StackWords = 16;

    /// <summary>
    /// select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout).
    /// </summary>
    public static SyscallResult Select(Task task, in SyscallArguments args)
    {
        Errno error = Deadlines.FromTimeval(task, args.Address(4), out long deadlineNs);
        if (error != Errno.None)
        {
            return error;
        }

        SyscallResult result = WaitSets(task, args, deadlineNs);
        return Finish(task, result, args.Address(4), deadlineNs, TimeoutForm.Timeval);
    }

    /// <summary>
    /// pselect6(int nfds, readfds, writefds, exceptfds, struct timespec *timeout, struct { const sigset_t *ss; size_t
    /// ss_len; } *sig).
    /// </summary>
    public static SyscallResult Pselect6(Task task, in SyscallArguments args)
    {
        (ulong Mask, ulong SizeBytes) signals = default;
        Errno error = Errno.None;
        if (!args.Address(5).IsNull)
        {
            error = ReadMaskArgument(task, args.Address(5), out signals);
        }

        long deadlineNs = 0;
        if (error == Errno.None)
        {
            error = Deadlines.FromTimespec(task, args.Address(4), out deadlineNs);
        }

        if (error == Errno.None)
        {
            error = SignalMasks.SetTemporary(task, new GuestAddress(signals.Mask), signals.SizeBytes);
        }

        if (error != Errno.None)
        {
            return error;
        }

        SyscallResult result = WaitSets(task, args, deadlineNs);
        return Finish(task, result, args.Address(4), deadlineNs, TimeoutForm.Timespec);
    }

    private static Errno ReadMaskArgument(Task task, GuestAddress address, out (ulong Mask, ulong SizeBytes) signals)
    {
        signals = default;
        Errno error = task.Mm.Read(address, out signals.Mask);
        return error != Errno.None ? error : task.Mm.Read(address.Field(sizeof(ulong)), out signals.SizeBytes);
    }

    private static SyscallResult WaitSets(Task task, in SyscallArguments args, long deadlineNs)
    {
        int count = args.Int(0);
        if (count < 0)
        {
            return Errno.EINVAL;
        }

        // Descriptors that cannot be open are not looked at, as Linux stops at the size of the table.
        count = Math.Min(count, task.FdTable.SlotCount);
        int words = (count + BitsPerWord - 1) / BitsPerWord;
        Span<ulong> sets = words <= StackWords ? stackalloc ulong[words * 3] : new ulong[words * 3];
        for (int set = 0; set < 3; set++)
        {
            Span<ulong> part = sets.Slice(set * words, words);
            part.Clear();
            GuestAddress address = args.Address(set + 1);
            Errno error = address.IsNull || words == 0 ? Errno.None : task.Mm.ReadArray(address, part);
            if (error != Errno.None)
            {
                return error;
            }
        }

        return WaitBits(task, args, sets, count, words, deadlineNs);
    }

    private static SyscallResult WaitBits(
        Task task, in SyscallArguments args, Span<ulong> sets, int count, int words, long deadlineNs)
    {
        PollTable table = PollTable.Current;
        Errno error = LoadSets(task, sets, count, words, table);
        if (error == Errno.None)
        {
            error = table.Wait(task, deadlineNs, 0, out _);
        }

        int ready = 0;
        if (error == Errno.None)
        {
            ready = StoreBits(sets, count, words, table);
            error = StoreSets(task, args, sets, words);
        }

        table.Clear();
        return SyscallResult.From(error, ready);
    }

    private static Errno LoadSets(Task task, ReadOnlySpan<ulong> sets, int count, int words, PollTable table)
    {
        for (int descriptor = 0; descriptor < count; descriptor++)
        {
            uint wanted = WantedOf(sets, words, descriptor);
            if (wanted == 0)
            {
                continue;
            }

            if (!Descriptors.TryGet(task, descriptor, out FileDescription? file))
            {
                return Errno.EBADF;
            }

            table.AddExactly(file, wanted);
        }

        return Errno.None;
    }

    private static int StoreBits(Span<ulong> sets, int count, int words, PollTable table)
    {
        int ready = 0;
        int slot = 0;
        for (int descriptor = 0; descriptor < count; descriptor++)
        {
            if (WantedOf(sets, words, descriptor) == 0)
            {
                continue;
            }

            uint found = table.Ready(slot++);
            ready += KeepBit(sets[..words], descriptor, found & ReadConditions);
            ready += KeepBit(sets.Slice(words, words), descriptor, found & WriteConditions);
            ready += KeepBit(sets.Slice(words * 2, words), descriptor, found & ExceptionConditions);
        }

        // Bits beyond nfds in the last word are not given back.
        if (count % BitsPerWord != 0)
        {
            ulong mask = (1UL << (count % BitsPerWord)) - 1;
            for (int set = 1; set <= 3; set++)
            {
                sets[(set * words) - 1] &= mask;
            }
        }

        return ready;
    }

    private static int KeepBit(Span<ulong> set, int descriptor, uint found)
    {
        ulong bit = 1UL << (descriptor % BitsPerWord);
        ref ulong word = ref set[descriptor / BitsPerWord];
        if ((word & bit) == 0)
        {
            return 0;
        }

        word = found != 0 ? word : word & ~bit;
        return found != 0 ? 1 : 0;
    }

    private static uint WantedOf(ReadOnlySpan<ulong> sets, int words, int descriptor)
    {
        int word = descriptor / BitsPerWord;
        ulong bit = 1UL << (descriptor % BitsPerWord);
        uint wanted = (sets[word] & bit) != 0 ? ReadConditions : 0;
        wanted |= (sets[words + word] & bit) != 0 ? WriteConditions : 0;
        return wanted | ((sets[(words * 2) + word] & bit) != 0 ? ExceptionConditions : 0);
    }

    private static Errno StoreSets(Task task, in SyscallArguments args, ReadOnlySpan<ulong> sets, int words)
    {
        for (int set = 0; set < 3; set++)
        {
            GuestAddress address = args.Address(set + 1);
            Errno error = address.IsNull || words == 0
                ? Errno.None
                : task.Mm.WriteArray(address, sets.Slice(set * words, words));
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }
}
