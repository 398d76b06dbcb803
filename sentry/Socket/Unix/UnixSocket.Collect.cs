using System.Collections.Generic;
using Sentry.Vfs;

namespace Sentry.Socket.Unix;

// What the collector of cycles asks. Called with its lock held, so that the files in the queues stay as they are.
public sealed partial class UnixSocket
{
    /// <summary>
    /// Adds every socket queued here, and in connections that nobody accepted yet, once per time it is queued.
    /// </summary>
    internal void CollectHeld(List<UnixSocket> held)
    {
        foreach (UnixMessage message in MessagesWithRights())
        {
            foreach (FileDescription file in message.Rights!.Files)
            {
                if (file is UnixSocket socket)
                {
                    held.Add(socket);
                }
            }
        }
    }

    /// <summary>Takes the files out of all queued messages; the messages stay.</summary>
    internal void TakeQueuedRights(List<MessageRights> taken)
    {
        foreach (UnixMessage message in MessagesWithRights())
        {
            taken.Add(message.Rights!);
            message.Rights = null;
        }
    }

    private List<UnixMessage> MessagesWithRights()
    {
        List<UnixMessage> messages = new();
        List<UnixSocket> embryos = new();
        using (_lock.Enter())
        {
            AddMessagesLocked(messages);
            for (UnixSocket? embryo = _acceptHead; embryo is not null; embryo = embryo._nextToAccept)
            {
                embryos.Add(embryo);
            }
        }

        foreach (UnixSocket embryo in embryos)
        {
            using (embryo._lock.Enter())
            {
                embryo.AddMessagesLocked(messages);
            }
        }

        return messages;
    }

    private void AddMessagesLocked(List<UnixMessage> messages)
    {
        for (UnixMessage? message = _queue.Head; message is not null; message = message.Next)
        {
            if (message.Rights is not null)
            {
                messages.Add(message);
            }
        }
    }
}
