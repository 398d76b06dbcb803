using System.Collections.Generic;
using System.Threading;

namespace Runsc.Boot;

/// <summary>The containers that have joined the sandbox, by their ids.</summary>
internal sealed class Members
{
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<string, Member> _members = [];

    /// <summary>Takes one in; false when the id is in use.</summary>
    internal bool TryAdd(Member member)
    {
        lock (_lock)
        {
            return _members.TryAdd(member.Id, member);
        }
    }

    internal Member? Find(string id)
    {
        lock (_lock)
        {
            return _members.GetValueOrDefault(id);
        }
    }

    internal void Remove(Member member)
    {
        lock (_lock)
        {
            _members.Remove(member.Id);
        }
    }

    /// <summary>Nobody waits over this socket any more.</summary>
    internal void RemoveWaiter(int socket)
    {
        lock (_lock)
        {
            foreach (Member member in _members.Values)
            {
                member.RemoveWaiter(socket);
            }
        }
    }
}
