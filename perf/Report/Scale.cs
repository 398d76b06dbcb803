using System;
using System.Collections.Generic;

namespace Perf.Report;

/// <summary>From values to pixels: linear from 0, or logarithmic where the values span too much for that.</summary>
internal sealed class Scale
{
    private const double WideSpan = 20;
    private const double LeastSpan = 1e-12;

    /// <summary>Of each kind of scale fewer are usual: the end of what no axis can show.</summary>
    private const int MostTicks = 40;

    private readonly bool _logarithmic;
    private readonly double _low;
    private readonly double _high;
    private readonly double _from;
    private readonly double _to;

    /// <summary>For positive values between the two, onto pixels from one place to the other.</summary>
    internal Scale(double least, double most, double from, double to)
    {
        _logarithmic = least > 0 && most / least > WideSpan;
        _low = _logarithmic ? Math.Pow(10, Math.Floor(Math.Log10(least))) : 0;
        // Where all is 0, a scale all the same.
        _high = _logarithmic ? Math.Pow(10, Math.Ceiling(Math.Log10(most)))
            : most > LeastSpan ? most * 1.05 : 1;
        _from = from;
        _to = to;
    }

    internal double At(double value)
    {
        double part = _logarithmic
            ? Math.Log(Math.Max(value, _low) / _low) / Math.Log(_high / _low)
            : value / _high;
        return _from + part * (_to - _from);
    }

    /// <summary>Round values to write beside the axis.</summary>
    internal IEnumerable<double> Ticks()
    {
        if (_logarithmic)
        {
            for (int i = 0; i < MostTicks && _low * Math.Pow(10, i) <= _high * 1.001; i++)
            {
                yield return _low * Math.Pow(10, i);
            }

            yield break;
        }

        const int About = 5;
        double raw = _high / About;
        double power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double step = raw / power < 2 ? 2 * power : raw / power < 5 ? 5 * power : 10 * power;
        for (int i = 0; i < MostTicks && i * step <= _high; i++)
        {
            yield return i * step;
        }
    }
}
