using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.Json;

namespace Runsc.Containers;

/// <summary>Block I/O of a container by its control group, in the form of <c>runc events</c>: all processes of the
/// sandbox, the gofer included, which does what the guest asks of files.</summary>
internal static class BlockStatistics
{
    private static readonly (string Key, string Operation)[] s_bytes = [("rbytes", "Read"), ("wbytes", "Write"),
        ("dbytes", "Discard")];

    private static readonly (string Key, string Operation)[] s_requests = [("rios", "Read"), ("wios", "Write"),
        ("dios", "Discard")];

    internal static void Write(Utf8JsonWriter writer, CgroupFiles files)
    {
        writer.WriteStartObject("blkio");
        string second = files.Text("io.stat");
        WriteList(writer, "ioServiceBytesRecursive", FirstVersion(files, "io_service_bytes")
            ?? SecondVersion(second, s_bytes));
        WriteList(writer, "ioServicedRecursive", FirstVersion(files, "io_serviced")
            ?? SecondVersion(second, s_requests));
        writer.WriteEndObject();
    }

    /// <summary>Lines "8:0 Read 4096" (cgroup-v1/blkio-controller.rst); null when there is no such file.</summary>
    private static List<Entry>? FirstVersion(CgroupFiles files, string name)
    {
        string text = files.Text("blkio.throttle." + name + "_recursive");
        text = text.Length > 0 ? text : files.Text("blkio.throttle." + name);
        if (text.Length == 0)
        {
            return null;
        }

        const int Words = 3;
        List<Entry> result = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ');
            if (words.Length == Words && TryParse(words[0], words[1], words[2], out Entry entry))
            {
                result.Add(entry);
            }
        }

        return result;
    }

    /// <summary>Lines "8:0 rbytes=4096 wbytes=0 rios=1 ..." (cgroup-v2.rst, io.stat).</summary>
    private static List<Entry> SecondVersion(string text, (string Key, string Operation)[] kinds)
    {
        List<Entry> result = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ');
            foreach ((string key, string operation) in kinds)
            {
                string? word = Array.Find(words, word => word.StartsWith(key + "=", StringComparison.Ordinal));
                if (word is not null && TryParse(words[0], operation, word[(key.Length + 1)..], out Entry entry))
                {
                    result.Add(entry);
                }
            }
        }

        return result;
    }

    private static bool TryParse(string device, string operation, string number, out Entry entry)
    {
        string[] numbers = device.Split(':');
        CultureInfo plain = CultureInfo.InvariantCulture;
        entry = default;
        if (numbers.Length != 2 || !uint.TryParse(numbers[0], NumberStyles.None, plain, out uint major)
            || !uint.TryParse(numbers[1], NumberStyles.None, plain, out uint minor)
            || !ulong.TryParse(number, NumberStyles.None, plain, out ulong value))
        {
            return false;
        }

        entry = new Entry(major, minor, operation, value);
        return true;
    }

    private static void WriteList(Utf8JsonWriter writer, string name, List<Entry> entries)
    {
        if (entries.Count == 0)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (Entry entry in entries)
        {
            writer.WriteStartObject();
            writer.WriteNumber("major", entry.Major);
            writer.WriteNumber("minor", entry.Minor);
            writer.WriteString("op", entry.Operation);
            writer.WriteNumber("value", entry.Value);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private readonly record struct Entry(uint Major, uint Minor, string Operation, ulong Value);
}
