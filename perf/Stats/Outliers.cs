using System;
using System.Linq;

namespace Perf.Stats;

/// <summary>Values that do not belong with the rest. They are marked in reports and never left out.</summary>
internal static class Outliers
{
    /// <summary>Scaled deviations from the median beyond which a value is marked: about one normal value in
    /// 460 (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", recommend 3.5 and up).</summary>
    private const double Limit = 3.5;

    /// <summary>Of a normal distribution, the median absolute deviation is this part of the standard deviation.
    /// </summary>
    private const double NormalScale = 0.6745;

    /// <summary>The same of the mean absolute deviation, which stands in where more than half of the values are
    /// equal.</summary>
    private const double MeanScale = 0.7979;

    private const int Fewest = 5;

    /// <summary>For each value, whether it is one.</summary>
    internal static bool[] Mark(double[] values)
    {
        bool[] marks = new bool[values.Length];
        if (values.Length < Fewest)
        {
            return marks;
        }

        double median = Order.Median(values);
        double[] deviations = [.. values.Select(value => Math.Abs(value - median))];
        double usual = Order.Median(deviations) / NormalScale;
        usual = usual > 0 ? usual : deviations.Average() / MeanScale;
        for (int i = 0; i < values.Length && usual > 0; i++)
        {
            marks[i] = deviations[i] / usual > Limit;
        }

        return marks;
    }
}
