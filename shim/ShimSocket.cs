using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Shim.Host;

namespace Shim;

/// <summary>Where a shim listens: a name made of containerd's own address, the namespace and the container, or its
/// sandbox: all containers of one share a shim.</summary>
internal static class ShimSocket
{
    private const string Directory = "/run/containerd/s";
    private const string Scheme = "unix://";
    private const string AddressFile = "/address";

    /// <summary>Annotations that name the group a container belongs to.</summary>
    private static readonly string[] s_groups =
        ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"];

    internal static string PathFor(ShimFlags flags)
    {
        string name = flags.Address + "/" + flags.Namespace + "/" + GroupOf(flags.Bundle, flags.Id);
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(name));
        return Directory + "/" + Convert.ToHexStringLower(hash);
    }

    /// <summary>The listening socket, or null when a living shim has it already.</summary>
    internal static HostFd? Listen(string path)
    {
        System.IO.Directory.CreateDirectory(Directory);
        Errno errno = StreamSocket.Listen(path, out HostFd? listener);
        if (errno == Errno.EADDRINUSE)
        {
            if (IsAlive(path))
            {
                return null;
            }

            File.Delete(path);
            errno = StreamSocket.Listen(path, out listener);
        }

        ShimException.Check(path, errno);
        return listener;
    }

    /// <summary>As containerd wants it: on standard output, and in a file of the bundle.</summary>
    internal static void Announce(string bundle, string path)
    {
        File.WriteAllText(bundle + AddressFile, Scheme + path);
        Console.Out.Write(Scheme + path);
        Console.Out.Flush();
    }

    /// <summary>Removes the socket that a bundle names, unless somebody listens there.</summary>
    internal static void RemoveDead(string bundle)
    {
        if (Find(bundle) is { } path && !IsAlive(path))
        {
            File.Delete(path);
        }
    }

    private static string? Find(string bundle)
    {
        string file = bundle + AddressFile;
        string address = File.Exists(file) ? File.ReadAllText(file) : "";
        return address.StartsWith(Scheme + Directory + "/", StringComparison.Ordinal) ? address[Scheme.Length..]
            : null;
    }

    private static bool IsAlive(string path)
    {
        Errno errno = StreamSocket.Connect(path, out HostFd? connection);
        connection?.Dispose();
        return errno == Errno.None;
    }

    private static string? GroupOf(JsonElement annotations)
    {
        foreach (string name in s_groups)
        {
            if (annotations.TryGetProperty(name, out JsonElement group))
            {
                return group.GetString();
            }
        }

        return null;
    }

    private static string GroupOf(string bundle, string id)
    {
        try
        {
            using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(bundle + "/config.json"));
            return config.RootElement.TryGetProperty("annotations", out JsonElement annotations)
                ? GroupOf(annotations) ?? id : id;
        }
        catch (JsonException e)
        {
            throw new ShimException(StatusCode.InvalidArgument, bundle + "/config.json: " + e.Message);
        }
    }
}
