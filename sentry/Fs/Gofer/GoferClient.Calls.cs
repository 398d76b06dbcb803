using System;
using Abi.Linux;
using HostOs;
using Lisafs;

namespace Sentry.Fs.Gofer;

/// <summary>One call: buffers, frame, descriptors, and what happens when descriptors run out.</summary>
public sealed partial class GoferClient
{
    private static Errno Check(bool parsed) => parsed ? Errno.None : Errno.EIO;

    private CallScope Begin()
    {
        using (_lock.Enter())
        {
            return new CallScope(this, _buffers.TryPop(out CallBuffers? buffers) ? buffers : new CallBuffers());
        }
    }

    private void End(CallBuffers buffers)
    {
        using (_lock.Enter())
        {
            _buffers.Push(buffers);
        }
    }

    /// <summary>Gives back a part of what is only kept for later, here and in the server.</summary>
    private void Relieve()
    {
        const int LeastHandles = 64;
        Handles.Shrink(Math.Max(Handles.Count / 4, LeastHandles));
        Idle.CloseSome();
        Views.CloseSome();
        FlushCloses();
    }

    /// <summary>Request and answer of one call.</summary>
    private sealed class CallBuffers
    {
        internal readonly byte[] Request = GC.AllocateUninitializedArray<byte>(Protocol.MaxMessageBytes, pinned: true);
        internal readonly byte[] Answer = GC.AllocateUninitializedArray<byte>(Protocol.MaxMessageBytes, pinned: true);
        internal readonly int[] Descriptors = new int[Protocol.MaxDescriptors];
        internal int DescriptorCount;

        internal void CloseDescriptors()
        {
            for (int i = 0; i < DescriptorCount; i++)
            {
                HostUnistd.Close(Descriptors[i]);
            }

            DescriptorCount = 0;
        }

        /// <summary>False when one of the answer's descriptors was lost, or has a number from the ceiling on.</summary>
        internal bool HasAll(uint expected, int ceiling)
        {
            bool hasAll = DescriptorCount == (int)expected;
            for (int i = 0; i < DescriptorCount; i++)
            {
                hasAll &= Descriptors[i] < ceiling;
            }

            return hasAll;
        }
    }

    /// <summary>One call in progress: owns its buffers, and the descriptors nobody took.</summary>
    private readonly ref struct CallScope(GoferClient client, CallBuffers buffers)
    {
        private readonly GoferClient _client = client;
        private readonly CallBuffers _buffers = buffers;

        internal MessageWriter Request() => new(_buffers.Request);

        /// <summary>
        /// Sends what was written and checks the answer's frame. The body is valid until the scope ends. Where
        /// descriptors have run out, here or in the server, some are given back and the request is sent once more;
        /// ENFILE when that did not help. An operation that fails so has changed nothing.
        /// </summary>
        internal Errno Send(ref MessageWriter writer, Operation operation, out MessageReader body)
        {
            body = default;
            if (writer.HasOverflowed)
            {
                return Errno.E2BIG;
            }

            ReadOnlySpan<byte> request = writer.Finish(operation, 0, 0);
            Errno error = Exchange(request, operation, out body);
            if (error is Errno.EMFILE or Errno.ENFILE)
            {
                _client.Relieve();
                error = Exchange(request, operation, out body);
            }

            return error == Errno.EMFILE ? Errno.ENFILE : error;
        }

        private Errno Exchange(scoped ReadOnlySpan<byte> request, Operation operation, out MessageReader body)
        {
            body = default;
            _buffers.CloseDescriptors();
            Errno error = _client.Transport.Call(
                request, _buffers.Answer, _buffers.Descriptors, out int length, out _buffers.DescriptorCount);
            if (error != Errno.None)
            {
                return error;
            }

            ReadOnlySpan<byte> answer = _buffers.Answer.AsSpan(0, length);
            if (!MessageFraming.TryParse(answer, out MessageHeader header) || header.Operation != (ushort)operation
                || header.DescriptorCount < (uint)_buffers.DescriptorCount
                || header.DescriptorCount > Protocol.MaxDescriptors || header.Error is < 0 or > 4095)
            {
                return Errno.EIO;
            }

            if (!_buffers.HasAll(header.DescriptorCount, _client.Ceiling))
            {
                _buffers.CloseDescriptors();

                // What was made stays made: it is opened later, when its descriptor is needed.
                if (operation is not (Operation.Create or Operation.MakeUnnamed))
                {
                    return Errno.EMFILE;
                }
            }

            body = new MessageReader(answer[MessageWriter.HeaderBytes..]);
            return header.Error == (int)Errno.EPROTO ? Errno.EIO : (Errno)header.Error;
        }

        /// <summary>Takes over the one descriptor an answer must bring.</summary>
        internal Errno TakeDescriptor(out int hostFd) =>
            TakeDescriptorIfAny(out hostFd) && hostFd >= 0 ? Errno.None : Errno.EIO;

        /// <summary>Takes over the one descriptor an answer may bring, or -1; false when there are more.</summary>
        internal bool TakeDescriptorIfAny(out int hostFd)
        {
            hostFd = _buffers.DescriptorCount == 1 ? _buffers.Descriptors[0] : -1;
            if (_buffers.DescriptorCount > 1)
            {
                return false;
            }

            _buffers.DescriptorCount = 0;
            return true;
        }

        public void Dispose()
        {
            _buffers.CloseDescriptors();
            _client.End(_buffers);
        }
    }
}
