using System.Collections.Generic;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Socket.Unix;

/// <summary>
/// Finds sockets that are only reachable through descriptors queued in each other (unix(7), net/unix/garbage.c) and
/// empties their queues. The graph stands still
/// under one lock: messages with files are queued and taken only under it.
/// </summary>
internal static class UnixCollector
{
    private static readonly OrderedLock<InFlightLevel> s_lock = new();

    // Guarded by s_lock: how often each socket is queued somewhere.
    private static readonly Dictionary<UnixSocket, int> s_inFlight = new();

    // Guarded by s_lock: there may be circles among them.
    private static bool s_hasCycles;

    /// <summary>Holds the graph still.</summary>
    internal static OrderedLock<InFlightLevel>.Scope Enter() => s_lock.Enter();

    /// <summary>
    /// Files begin to travel to a socket. Only where that travels itself, now or by this very message, can they close a
    /// circle; one that nobody accepted yet (<paramref name="isEmbryo"/>) travels with its listener.
    /// </summary>
    internal static void AddInFlightLocked(MessageRights rights, UnixSocket receiver, bool isEmbryo)
    {
        rights.BeginTravel();
        s_hasCycles |= isEmbryo || s_inFlight.ContainsKey(receiver);
        foreach (FileDescription file in rights.Files)
        {
            if (file is UnixSocket socket)
            {
                s_hasCycles |= socket == receiver;
                s_inFlight[socket] = s_inFlight.GetValueOrDefault(socket) + 1;
            }
        }
    }

    /// <summary>Takes the files out of a message that is still in its queue; null when there are none.</summary>
    internal static MessageRights? TakeRights(UnixMessage message)
    {
        if (message.Rights is null)
        {
            return null;
        }

        using (s_lock.Enter())
        {
            MessageRights? rights = message.Rights;
            message.Rights = null;
            if (rights is not null)
            {
                RemoveInFlightLocked(rights);
            }

            return rights;
        }
    }

    /// <summary>Copies the files of a message (MSG_PEEK).</summary>
    internal static MessageRights? CopyRights(UnixMessage message)
    {
        using (s_lock.Enter())
        {
            return message.Rights?.Duplicate();
        }
    }

    /// <summary>A socket was closed: what only it kept alive may now be garbage.</summary>
    internal static void OnClose(GuestKernel kernel)
    {
        List<MessageRights> garbage = new();
        using (s_lock.Enter())
        {
            if (!s_hasCycles)
            {
                return;
            }

            CollectLocked(garbage);
            s_hasCycles = s_inFlight.Count > 0;
        }

        foreach (MessageRights rights in garbage)
        {
            rights.Dispose();
        }
    }

    private static void RemoveInFlightLocked(MessageRights rights)
    {
        rights.EndTravel();
        foreach (FileDescription file in rights.Files)
        {
            if (file is not UnixSocket socket)
            {
                continue;
            }

            int left = s_inFlight[socket] - 1;
            if (left == 0)
            {
                s_inFlight.Remove(socket);
            }
            else
            {
                s_inFlight[socket] = left;
            }
        }
    }

    private static void CollectLocked(List<MessageRights> garbage)
    {
        // Candidates: every reference is a queued one. Those queued also outside the candidates' own queues are
        // alive, and so is all they hold.
        Dictionary<UnixSocket, int> outside = new();
        foreach ((UnixSocket socket, int count) in s_inFlight)
        {
            if (socket.ReferenceCount == count)
            {
                outside.Add(socket, count);
            }
        }

        List<UnixSocket> held = new();
        foreach (UnixSocket candidate in new List<UnixSocket>(outside.Keys))
        {
            held.Clear();
            candidate.CollectHeld(held);
            foreach (UnixSocket socket in held)
            {
                if (outside.TryGetValue(socket, out int count))
                {
                    outside[socket] = count - 1;
                }
            }
        }

        foreach (UnixSocket socket in new List<UnixSocket>(outside.Keys))
        {
            if (outside.TryGetValue(socket, out int count) && count > 0)
            {
                ReviveLocked(socket, outside);
            }
        }

        foreach (UnixSocket socket in outside.Keys)
        {
            socket.TakeQueuedRights(garbage);
        }

        foreach (MessageRights rights in garbage)
        {
            RemoveInFlightLocked(rights);
        }
    }

    private static void ReviveLocked(UnixSocket alive, Dictionary<UnixSocket, int> outside)
    {
        Stack<UnixSocket> pending = new();
        List<UnixSocket> held = new();
        pending.Push(alive);
        while (pending.TryPop(out UnixSocket? socket))
        {
            if (!outside.Remove(socket))
            {
                continue;
            }

            held.Clear();
            socket.CollectHeld(held);
            held.ForEach(pending.Push);
        }
    }
}
