using System.Globalization;
using System.Threading;

namespace Gofer;

/// <summary>Decimal spellings of descriptor numbers, kept so that a request allocates none.</summary>
internal static class DecimalNames
{
    private const int Kept = 4096;
    private static readonly string?[] s_names = new string?[Kept];

    /// <summary>The number as text.</summary>
    internal static string Get(int number)
    {
        if ((uint)number >= Kept)
        {
            return number.ToString(CultureInfo.InvariantCulture);
        }

        string? name = Volatile.Read(ref s_names[number]);
        if (name is null)
        {
            name = number.ToString(CultureInfo.InvariantCulture);
            Volatile.Write(ref s_names[number], name);
        }

        return name;
    }
}
