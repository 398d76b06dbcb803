using System.Collections.Generic;
using System.Linq;

namespace Perf.Results;

/// <summary>What becomes of a comparison that could not have shown a fall.</summary>
internal enum Blind
{
    /// <summary>It is printed.</summary>
    Told,

    /// <summary>It fails the gate.</summary>
    Fails,
}

/// <summary>What the gate says in the end: of every comparison whether it held, and all reasons to fail.</summary>
internal sealed class Judgement
{
    /// <summary><paramref name="others"/> are reasons that no comparison has, such as counts.</summary>
    internal Judgement(List<Comparison> comparisons, IEnumerable<string> others, Blind blind)
    {
        Slower = comparisons.Count(each => each.Outcome == Outcome.Worse);
        Missing = comparisons.Count(each => each.Outcome != Outcome.Worse && Gate.Reason(each) != null);
        TooNoisy = [.. comparisons.Where(each => each.IsBlind).Select(each => $"{each.Name} in {each.Runtime}")];
        Held = comparisons.Count - Slower - Missing - TooNoisy.Count;
        Reasons = [.. comparisons.Select(Gate.Reason).OfType<string>(), .. others];
        if (comparisons.Count == 0)
        {
            Reasons.Add("nothing was compared: the two results share no variant of the budget's suites");
        }
        else if (TooNoisy.Count > 0 && (blind == Blind.Fails || Held + Slower + Missing == 0))
        {
            Reasons.Add($"{TooNoisy.Count} of {comparisons.Count} comparisons were too noisy to tell");
        }
    }

    internal int Held { get; }

    internal int Slower { get; }

    /// <summary>Those with no samples on a side, with too few, or of different things.</summary>
    internal int Missing { get; }

    internal List<string> TooNoisy { get; }

    /// <summary>The gate fails if there is one.</summary>
    internal List<string> Reasons { get; }
}
