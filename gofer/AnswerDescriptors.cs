using System;
using HostOs;

namespace Gofer;

/// <summary>Descriptors that go with an answer.</summary>
internal ref struct AnswerDescriptors(Span<int> room)
{
    private readonly Span<int> _room = room;

    /// <summary>Descriptors so far.</summary>
    internal int Count { get; private set; }

    /// <summary>Takes over a descriptor.</summary>
    internal void Add(int fd) => _room[Count++] = fd;

    /// <summary>The request failed after all.</summary>
    internal void CloseAll()
    {
        for (int i = 0; i < Count; i++)
        {
            HostUnistd.Close(_room[i]);
        }

        Count = 0;
    }
}
