using System;

namespace Lisafs;

/// <summary>
/// Parses arbitrary bytes as every request and every answer: whatever a peer sends, parsing ends and stays inside
/// the message.
/// </summary>
public static class Fuzz
{
    /// <summary>Fuzz entry: the bytes are a message body.</summary>
    public static void Run(ReadOnlySpan<byte> data)
    {
        RunRequests(data);
        RunAnswers(data);
    }

    private static void RunRequests(ReadOnlySpan<byte> data)
    {
        MessageReader reader = new(data);
        MountRequest.TryRead(ref reader, out _);
        reader = new(data);
        WalkRequest.TryRead(ref reader, out _);
        reader = new(data);
        TargetRequest.TryRead(ref reader, out _);
        reader = new(data);
        SetAttributesRequest.TryRead(ref reader, out _);
        reader = new(data);
        OpenRequest.TryRead(ref reader, out _);
        reader = new(data);
        ReadDirectoryRequest.TryRead(ref reader, out _);
        reader = new(data);
        CreateRequest.TryRead(ref reader, out _);
        reader = new(data);
        LinkRequest.TryRead(ref reader, out _);
        reader = new(data);
        UnlinkRequest.TryRead(ref reader, out _);
        reader = new(data);
        RenameRequest.TryRead(ref reader, out _);
        reader = new(data);
        XattrRequest.TryRead(ref reader, out _);
        reader = new(data);
        reader = new(data);
        CloseRequest.TryRead(ref reader, stackalloc uint[Protocol.MaxCloseHandles], out _);
    }

    private static void RunAnswers(ReadOnlySpan<byte> data)
    {
        MessageReader reader = new(data);
        MountAnswer.TryRead(ref reader, out _);
        reader = new(data);
        if (WalkAnswer.TryRead(ref reader, out WalkAnswer walk))
        {
            for (uint i = 0; i < walk.Count && WireNode.TryRead(ref reader, out _); i++)
            {
            }
        }

        reader = new(data);
        if (DirectoryAnswer.TryRead(ref reader, out DirectoryAnswer directory))
        {
            for (uint i = 0; i < directory.Count && WireEntry.TryRead(ref reader, out _); i++)
            {
            }
        }
    }
}
