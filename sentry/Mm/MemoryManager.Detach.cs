using Abi.Linux;

namespace Sentry.Mm;

// shmdt(2).
public sealed partial class MemoryManager
{
    /// <summary>
    /// Finds the object of type <typeparamref name="T"/> whose byte 0 is, or would be, mapped at <paramref
    /// name="start"/>, and removes what is left of that
    /// mapping (ipc/shm.c, ksys_shmdt). EINVAL when there is none.
    /// </summary>
    public Errno Detach<T>(GuestAddress start, ulong maxBytes, out T? detached)
        where T : class, IMappable
    {
        detached = null;
        if (!start.IsPageAligned)
        {
            return Errno.EINVAL;
        }

        using (EnterMapping())
        {
            int at = _vmas.FindAtOrAfter(start.Value);
            while (at != 0 && _vmas.Start(at) - start.Value < maxBytes)
            {
                int next = _vmas.Next(at);
                Vma vma = _vmas.Value(at);
                bool isPart = vma.Mappable is T && _vmas.Start(at) - start.Value == vma.Offset;
                if (isPart && (detached is null || ReferenceEquals(vma.Mappable, detached)))
                {
                    detached = (T)vma.Mappable!;
                    Errno error = UnmapLocked(_vmas.Range(at));
                    if (error != Errno.None)
                    {
                        return error;
                    }

                    next = _vmas.FindAtOrAfter(start.Value);
                }

                at = next;
            }
        }

        return detached is null ? Errno.EINVAL : Errno.None;
    }
}
