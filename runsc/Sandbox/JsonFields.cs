using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace Runsc.Sandbox;

/// <summary>
/// The members of a JSON object, read and written by hand where a start waits for it: the type information of the
/// serializer takes milliseconds to make. A member of the wrong kind makes the object none.
/// </summary>
internal sealed class JsonFields
{
    private readonly JsonElement _element;

    /// <summary>The object that this one is in, or null.</summary>
    private readonly JsonFields? _outer;

    /// <summary>A member was not of the kind that was asked for.</summary>
    private bool _isWrong;

    private JsonFields(JsonElement element, JsonFields? outer = null)
    {
        _element = element;
        _outer = outer;
    }

    /// <summary>What <paramref name="read"/> makes of an object; null when the bytes are none, or a member is
    /// wrong.</summary>
    internal static T? Read<T>(ReadOnlySpan<byte> bytes, Func<JsonFields, T> read)
        where T : class
    {
        if (bytes.IsEmpty)
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes.ToArray());
            JsonFields fields = new(document.RootElement);
            bool isObject = document.RootElement.ValueKind == JsonValueKind.Object;
            T? result = isObject ? read(fields) : null;
            return fields._isWrong ? null : result;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is what a string that is no text gives (half of a surrogate pair).
            return null;
        }
    }

    /// <summary>The object that <paramref name="write"/> writes the members of.</summary>
    internal static byte[] Write(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>A number of the range; 0 when there is none.</summary>
    internal long Number(string name, long least = long.MinValue, long most = long.MaxValue)
    {
        long number = 0;
        if (TryFind(name, out JsonElement value))
        {
            bool isNumber = value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out number);
            number = Expect(isNumber && number >= least && number <= most) ? number : 0;
        }

        return number;
    }

    internal int Int(string name) => (int)Number(name, int.MinValue, int.MaxValue);

    internal ushort Short(string name) => (ushort)Number(name, 0, ushort.MaxValue);

    /// <summary>A number of 32 bits without a sign; 0 when there is none.</summary>
    internal uint Word(string name) => (uint)Number(name, 0, uint.MaxValue);

    /// <summary>A list of such numbers; null when there is none.</summary>
    internal List<uint>? Words(string name)
    {
        if (!Has(name) || !Expect(_element.GetProperty(name).ValueKind == JsonValueKind.Array))
        {
            return null;
        }

        List<uint> result = [];
        foreach (JsonElement value in _element.GetProperty(name).EnumerateArray())
        {
            uint number = 0;
            Expect(value.ValueKind == JsonValueKind.Number && value.TryGetUInt32(out number));
            result.Add(number);
        }

        return result;
    }

    /// <summary>A number of 64 bits without a sign; 0 when there is none.</summary>
    internal ulong Unsigned(string name)
    {
        ulong number = 0;
        if (TryFind(name, out JsonElement value))
        {
            Expect(value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out number));
        }

        return number;
    }

    /// <summary>Whether a member is true.</summary>
    internal bool Flag(string name)
    {
        bool isThere = TryFind(name, out JsonElement value);
        Expect(!isThere || value.ValueKind is JsonValueKind.True or JsonValueKind.False);
        return isThere && value.ValueKind == JsonValueKind.True;
    }

    /// <summary>A string; null when there is none.</summary>
    internal string? Text(string name) => Has(name) ? Text(_element.GetProperty(name)) : null;

    /// <summary>A list of strings; null when there is none.</summary>
    internal List<string>? Texts(string name)
    {
        if (!Has(name) || !Expect(_element.GetProperty(name).ValueKind == JsonValueKind.Array))
        {
            return null;
        }

        List<string> result = [];
        foreach (JsonElement value in _element.GetProperty(name).EnumerateArray())
        {
            result.Add(Text(value) ?? "");
        }

        return result;
    }

    /// <summary>An object of strings; null when there is none.</summary>
    internal Dictionary<string, string>? Map(string name)
    {
        if (!Has(name) || !Expect(_element.GetProperty(name).ValueKind == JsonValueKind.Object))
        {
            return null;
        }

        Dictionary<string, string> result = [];
        foreach (JsonProperty member in _element.GetProperty(name).EnumerateObject())
        {
            result[member.Name] = Text(member.Value) ?? "";
        }

        return result;
    }

    /// <summary>An object in this one; null when there is none.</summary>
    internal JsonFields? Object(string name) =>
        Has(name) && Expect(_element.GetProperty(name).ValueKind == JsonValueKind.Object)
            ? new JsonFields(_element.GetProperty(name), this)
            : null;

    /// <summary>What <paramref name="read"/> makes of an object in this one; null when there is none.</summary>
    internal T? Object<T>(string name, Func<JsonFields, T> read)
        where T : class => Object(name) is { } fields ? read(fields) : null;

    /// <summary>What <paramref name="read"/> makes of each object of a list; null when there is none.</summary>
    internal List<T>? Objects<T>(string name, Func<JsonFields, T> read)
        where T : class
    {
        if (!Has(name) || !Expect(_element.GetProperty(name).ValueKind == JsonValueKind.Array))
        {
            return null;
        }

        List<T> result = [];
        foreach (JsonElement value in _element.GetProperty(name).EnumerateArray())
        {
            if (!Expect(value.ValueKind == JsonValueKind.Object))
            {
                return null;
            }

            result.Add(read(new JsonFields(value, this)));
        }

        return result;
    }

    /// <summary>Any value, which stays good; null when there is none.</summary>
    internal JsonElement? Element(string name) => Has(name) ? _element.GetProperty(name).Clone() : null;

    /// <summary>Whether there is such a member with a value.</summary>
    internal bool Has(string name) => TryFind(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>What must hold, or the object is none.</summary>
    internal bool Expect(bool holds)
    {
        for (JsonFields? fields = holds ? null : this; fields is not null; fields = fields._outer)
        {
            fields._isWrong = true;
        }

        return holds;
    }

    private bool TryFind(string name, out JsonElement value) => _element.TryGetProperty(name, out value);

    private string? Text(JsonElement value) =>
        Expect(value.ValueKind == JsonValueKind.String) ? value.GetString() : null;
}
