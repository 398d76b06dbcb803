using System;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tests.Abi;

/// <summary>
/// The managed layout of a struct, found by filling a field with ones and looking where they land: the marshaller's
/// offsets do not count, because it does not know inline arrays.
/// </summary>
internal static class Layout
{
    private delegate Span<byte> Image(object box);

    public static int SizeOf(Type type) => ImageOf(Activator.CreateInstance(type)!).Length;

    /// <summary>Offset and size of a field in bytes.</summary>
    public static (int Offset, int Size) Of(Type type, FieldInfo field)
    {
        object ones = Activator.CreateInstance(field.FieldType)!;
        ImageOf(ones).Fill(0xff);
        object box = Activator.CreateInstance(type)!;
        field.SetValue(box, ones);
        Span<byte> image = ImageOf(box);
        int offset = image.IndexOf((byte)0xff);
        return (offset, image.LastIndexOf((byte)0xff) + 1 - offset);
    }

    private static Span<byte> ImageOf(object box)
    {
        MethodInfo method = typeof(Layout).GetMethod(nameof(BytesOf), BindingFlags.NonPublic | BindingFlags.Static)!;
        return method.MakeGenericMethod(box.GetType()).CreateDelegate<Image>()(box);
    }

    // SAFETY: T is the exact type of the box (Unbox checks it) and holds no references (AsBytes checks it).
    private static Span<byte> BytesOf<T>(object box)
        where T : struct => MemoryMarshal.AsBytes(new Span<T>(ref Unsafe.Unbox<T>(box)));
}
