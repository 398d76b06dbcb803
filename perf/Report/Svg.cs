using System;
using System.Globalization;
using System.Net;
using System.Text;

namespace Perf.Report;

/// <summary>An SVG picture under construction. Colours are classes, which the page's style gives for light and for
/// dark.</summary>
internal sealed class Svg
{
    private readonly StringBuilder _text = new();

    /// <summary>Begins a picture of so many pixels with a title for those who cannot see it.</summary>
    internal Svg(double width, double height, string title)
    {
        Append($"<svg role=\"img\" viewBox=\"0 0 {width:0.#} {height:0.#}\"");
        Append($" width=\"{width:0.#}\" height=\"{height:0.#}\">");
        Append($"<title>{WebUtility.HtmlEncode(title)}</title>");
    }

    internal void Line(string style, double x1, double y1, double x2, double y2) =>
        Append($"<line class=\"{style}\" x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\"/>");

    internal void Bar(string style, double x, double y, double width, double height) =>
        Append($"<rect class=\"{style}\" x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{width:0.#}\" height=\"{height:0.#}\"/>");

    internal void Dot(string style, double x, double y, double radius) =>
        Append($"<circle class=\"{style}\" cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"{radius:0.#}\"/>");

    /// <summary>Anchor is start, middle or end.</summary>
    internal void Text(string style, double x, double y, string anchor, string text)
    {
        Append($"<text class=\"{style}\" x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\">");
        Append($"{WebUtility.HtmlEncode(text)}</text>");
    }

    internal void Path(string style, ReadOnlySpan<(double X, double Y)> points)
    {
        StringBuilder path = new();
        foreach ((double x, double y) in points)
        {
            path.Append(path.Length == 0 ? 'M' : 'L');
            path.Append(CultureInfo.InvariantCulture, $"{x:0.#} {y:0.#}");
        }

        Append($"<path class=\"{style}\" d=\"{path}\"/>");
    }

    /// <summary>Ends the picture.</summary>
    internal string End() => _text.Append("</svg>\n").ToString();

    private void Append(FormattableString text) => _text.Append(text.ToString(CultureInfo.InvariantCulture));
}
