using System.Collections.Generic;
using System.Linq;

namespace Perf.Results;

/// <summary>
/// One result out of several that were taken piece by piece on one machine. A job that two of them have is taken from
/// the later one, whole: its runs in all runtimes were neighbours in time.
/// </summary>
internal static class Merger
{
    /// <summary>Merges, the earliest first; a runtime that is another executable in another piece is a mistake of the
    /// caller.</summary>
    internal static ResultFile Merge(IEnumerable<ResultFile> pieces)
    {
        List<ResultFile> all = [.. pieces.OrderBy(piece => piece.Taken)];
        ResultFile last = all[^1];
        if (all.Exists(piece => piece.Machine with { Load = 0 } != last.Machine with { Load = 0 }))
        {
            throw new UserException("the results are of different machines, or of one that changed");
        }

        return last with
        {
            Commit = string.Join(' ', all.Select(piece => piece.Commit).Distinct()),
            Machine = last.Machine with { Load = all.Max(piece => piece.Machine.Load) },
            Knobs = Knobs(all),
            Runtimes = Runtimes(all),
            Jobs = Latest(all.SelectMany(piece => piece.Jobs), job => job.Name),
            Counts = Latest(all.SelectMany(piece => piece.Counts), count => count.Name),
            Capacity = Latest(all.SelectMany(piece => piece.Capacity), each => each.Runtime + " " + each.Shape),
        };
    }

    private static List<T> Latest<T>(IEnumerable<T> items, System.Func<T, string> name) =>
        [.. items.GroupBy(name).Select(group => group.Last())];

    private static Dictionary<string, string> Knobs(List<ResultFile> all)
    {
        Dictionary<string, string> knobs = new() { ["pieces"] = $"{all.Count}" };
        foreach (string name in all.SelectMany(piece => piece.Knobs.Keys).Distinct().Where(name => name != "pieces"))
        {
            knobs[name] = string.Join(' ', all.Select(piece => piece.Knobs.GetValueOrDefault(name, ""))
                .Where(value => value.Length > 0).Distinct());
        }

        return knobs;
    }

    private static List<RuntimeRecord> Runtimes(List<ResultFile> all)
    {
        // The order of the piece that has most of them.
        List<RuntimeRecord> runtimes = [.. all.MaxBy(piece => piece.Runtimes.Count)!.Runtimes];
        foreach (RuntimeRecord runtime in all.SelectMany(piece => piece.Runtimes))
        {
            RuntimeRecord? known = runtimes.Find(each => each.Name == runtime.Name);
            if (known == null)
            {
                runtimes.Add(runtime);
            }
            else if (known.Executable != runtime.Executable || !known.Flags.SequenceEqual(runtime.Flags))
            {
                throw new UserException(
                    $"{runtime.Name} is {known.Executable} in one result and {runtime.Executable} in another");
            }
        }

        return runtimes;
    }
}
