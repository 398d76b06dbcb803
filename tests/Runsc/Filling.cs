using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace Tests.Runsc;

/// <summary>Objects with every member set, so that one that gets lost is found.</summary>
internal static class Filling
{
    /// <summary>Gives every property another value than it has, those of list elements included.</summary>
    internal static void Fill(object target, ref int filled)
    {
        foreach (PropertyInfo property in target.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            property.SetValue(target, Value(property.PropertyType, property.GetValue(target), ref filled));
        }
    }

    private static object Value(Type type, object? usual, ref int filled)
    {
        filled++;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonElement))
        {
            return JsonSerializer.SerializeToElement((int[])[filled]);
        }

        if (type == typeof(Dictionary<string, string>))
        {
            return new Dictionary<string, string> { ["key " + filled] = "value \u00ff", [""] = "" };
        }

        if (type == typeof(string))
        {
            return "text " + filled + " \u00ff";
        }

        if (type == typeof(bool))
        {
            return usual is not true;
        }

        if (type == typeof(byte[]))
        {
            return new byte[] { 0, (byte)filled, 255 };
        }

        if (type.IsEnum)
        {
            return Enum.ToObject(type, usual is not null && Convert.ToInt32(usual, CultureInfo.InvariantCulture) == 1
                ? 0 : 1);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>))
        {
            IList list = (IList)Activator.CreateInstance(type)!;
            list.Add(Value(type.GenericTypeArguments[0], null, ref filled));
            list.Add(Value(type.GenericTypeArguments[0], null, ref filled));
            return list;
        }

        if (type.IsPrimitive)
        {
            return Convert.ChangeType(filled, type, CultureInfo.InvariantCulture);
        }

        object made = Activator.CreateInstance(type)!;
        Fill(made, ref filled);
        return made;
    }
}
