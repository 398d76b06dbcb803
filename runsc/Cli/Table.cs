using System;
using System.Collections.Generic;
using System.Text;

namespace Runsc.Cli;

/// <summary>Columns of text, as wide as their longest cell and three spaces apart, as runc prints them.</summary>
internal static class Table
{
    private const int LeastWidth = 12;
    private const int Gap = 3;

    internal static string Format(string[] header, List<string[]> rows)
    {
        int[] widths = new int[header.Length];
        foreach (string[] row in (List<string[]>)[header, .. rows])
        {
            for (int column = 0; column < widths.Length; column++)
            {
                widths[column] = Math.Max(widths[column], Math.Max(LeastWidth, row[column].Length + Gap));
            }
        }

        StringBuilder text = new();
        foreach (string[] row in (List<string[]>)[header, .. rows])
        {
            for (int column = 0; column < widths.Length - 1; column++)
            {
                text.Append(row[column].PadRight(widths[column]));
            }

            text.Append(row[^1]).Append('\n');
        }

        return text.ToString();
    }
}
