using System;
using Abi.Linux;
using Google.Protobuf;
using HostOs;
using Shim.Messages;
using Shim.Ttrpc;

namespace Tests.Shim;

/// <summary>Fuzz entry of what comes over a shim's socket.</summary>
internal static class FrameFuzz
{
    /// <summary>Reads any bytes (fewer than a pipe holds) as frames with requests; how many were requests.</summary>
    internal static int Run(ReadOnlySpan<byte> bytes)
    {
        if (HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int readEnd, out int writeEnd) != Errno.None)
        {
            throw new InvalidOperationException("no pipe");
        }

        using HostFd reader = new(readEnd);
        using (new HostFd(writeEnd))
        {
            HostUnistd.WriteAll(writeEnd, bytes);
        }

        int requests = 0;
        while (Frame.TryRead(readEnd, out Frame frame))
        {
            requests += frame.Data is { } data && IsRequest(data) ? 1 : 0;
        }

        return requests;
    }

    private static bool IsRequest(byte[] data)
    {
        try
        {
            return Request.Parser.ParseFrom(data).Service is not null;
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }
}
