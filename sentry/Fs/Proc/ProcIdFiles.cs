using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Fs.Proc;

/// <summary>uid_map, gid_map and setgroups (user_namespaces(7)).</summary>
internal static class ProcIdFiles
{
    private const int MaxExtents = 340;

    internal static Errno UserMap(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        WriteMap(target, reader, IdKind.User, text);

    internal static Errno GroupMap(ProcTaskContext context, Task target, Task reader, StringBuilder text) =>
        WriteMap(target, reader, IdKind.Group, text);

    internal static Errno SetUserMap(ProcTaskContext context, Task target, Task writer, string text) =>
        ParseMap(target, writer, IdKind.User, text);

    internal static Errno SetGroupMap(ProcTaskContext context, Task target, Task writer, string text) =>
        ParseMap(target, writer, IdKind.Group, text);

    internal static Errno SetGroupsState(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        text.Append(target.Credentials.UserNamespace.SetGroupsAllowed ? "allow\n" : "deny\n");
        return Errno.None;
    }

    internal static Errno ChangeSetGroups(ProcTaskContext context, Task target, Task writer, string text)
    {
        string word = text.TrimEnd('\n', ' ', '\0');
        UserNamespace ns = target.Credentials.UserNamespace;
        if (word is not ("allow" or "deny"))
        {
            return Errno.EINVAL;
        }

        return writer.Credentials.HasCapability(Capability.CAP_SYS_ADMIN, ns) ? ns.SetSetGroups(word == "allow")
            : Errno.EPERM;
    }

    private static Errno WriteMap(Task target, Task reader, IdKind kind, StringBuilder text)
    {
        foreach (IdMapExtent extent in target.Credentials.UserNamespace.GetMap(kind, reader.Credentials.UserNamespace))
        {
            text.Append(Column(extent.First)).Append(' ').Append(Column(extent.LowerFirst)).Append(' ').Append(
                Column(extent.Count)).Append('\n');
        }

        return Errno.None;
    }

    private static string Column(uint value) => value.ToString(CultureInfo.InvariantCulture).PadLeft(10);

    private static Errno ParseMap(Task target, Task writer, IdKind kind, string text)
    {
        List<IdMapExtent> extents = [];
        foreach (string line in text.TrimEnd('\0').Split('\n'))
        {
            string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }

            bool ok = words.Length == 3 && extents.Count < MaxExtents;
            uint first = 0;
            uint lower = 0;
            uint count = 0;
            ok = ok && ParseId(words[0], out first) && ParseId(words[1], out lower) && ParseId(words[2], out count);
            if (!ok)
            {
                return Errno.EINVAL;
            }

            extents.Add(new IdMapExtent(first, lower, count));
        }

        return target.Credentials.UserNamespace.SetMap(writer, kind, extents.ToArray());
    }

    private static bool ParseId(string word, out uint value) =>
        uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
