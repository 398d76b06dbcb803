using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Perf.Results;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Commands;

/// <summary>The options that say what is measured, how often and where.</summary>
internal sealed class RunOptions
{
    /// <summary>From six on a median has an interval of 95 %.</summary>
    private const int UsualRuns = 7;

    private readonly Argument<string[]> _suites = new("suite")
    {
        Description = "Suites, jobs or variants by name; all of them: all.", Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string> _runtimes = new("--runtimes", "-r")
    {
        Description = "native, runc, runsc-PLATFORM, NAME=PATH[+--flag...][+VARIABLE=VALUE...]; with commas between.",
        DefaultValueFactory = _ => "native,runc,runsc-systrap",
    };

    private readonly Option<int> _runs = new Option<int>("--runs", "-n")
    {
        Description = "Measured runs of each variant in each runtime.", DefaultValueFactory = _ => UsualRuns,
    }.AtLeast(1);

    private readonly Option<int> _warmUps = new Option<int>("--warm-ups")
    {
        Description = "Runs before them that do not count.", DefaultValueFactory = _ => 1,
    }.AtLeast(0);

    private readonly Option<string> _filter = new("--filter", "-f")
    {
        Description = "Only variants whose name contains this.", DefaultValueFactory = _ => "",
    };

    private readonly Option<bool> _allVariants = new("--all-variants")
    {
        Description = "Every combination of the jobs' axes, not only the usual ones.",
    };

    private readonly Option<string> _cpus = new("--cpus")
    {
        Description = "Processors to run on, as taskset -c takes them.", DefaultValueFactory = _ => "",
    };

    private readonly Option<int> _limit = new Option<int>("--limit")
    {
        Description = "Seconds after which a run is ended and has failed, where its job allows more.",
        DefaultValueFactory = _ => int.MaxValue,
    }.AtLeast(1);

    internal void AddTo(Command command)
    {
        command.Add(_suites);
        foreach (Option option in (Option[])[_runtimes, _runs, _warmUps, _filter, _allVariants, _cpus, _limit])
        {
            command.Add(option);
        }
    }

    /// <summary>Measures all that is asked for; <paramref name="progress"/> sees the result grow.</summary>
    internal ResultFile Measure(ParseResult parsed, Layout layout, Action<ResultFile, JobResult> progress)
    {
        string[] suites = parsed.GetValue(_suites)!;
        List<Variant> variants = Choose(layout, suites, parsed);
        List<RuntimeSpec> runtimes = RuntimeSpec.ParseAll(parsed.GetValue(_runtimes)!, layout);
        Plan plan = new(parsed.GetValue(_runs), parsed.GetValue(_warmUps), parsed.GetValue(_cpus)!);
        Requirements.Root();
        GuestTools.Build(layout);
        Dictionary<string, string> knobs = new()
        {
            ["suites"] = string.Join(' ', suites),
            ["runs"] = Text(plan.Runs),
            ["warmUps"] = Text(plan.WarmUps),
            ["cpus"] = plan.Cpus,
            ["filter"] = parsed.GetValue(_filter)!,
        };
        ResultFile result = ResultFile.Begin(layout, knobs, runtimes);
        Session session = new(layout, runtimes, plan);
        foreach (Variant run in Variant.Share(variants))
        {
            foreach (JobResult job in session.Measure(run))
            {
                result.Jobs.Add(job);
                progress(result, job);
            }
        }

        return result;
    }

    /// <summary>How many variants <see cref="Measure"/> has a result for.</summary>
    internal int Count(ParseResult parsed, Layout layout) => Choose(layout, parsed.GetValue(_suites)!, parsed).Count;

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private List<Variant> Choose(Layout layout, string[] names, ParseResult parsed)
    {
        int limit = parsed.GetValue(_limit);
        List<Job> jobs =
        [
            .. JobFile.All(layout.Suites)
                .Select(job => job with { TimeoutSeconds = Math.Min(limit, job.TimeoutSeconds) }),
        ];
        Selection selection = parsed.GetValue(_allVariants) ? Selection.All : Selection.Usual;
        string filter = parsed.GetValue(_filter)!;
        List<Variant> variants = [];
        foreach (string name in names)
        {
            List<Variant> named =
            [
                .. jobs.Where(job => name == "all" || job.Suite == name || job.Name == name)
                    .SelectMany(job => Variant.Of(job, selection)),
                .. jobs.SelectMany(job => Variant.Of(job, Selection.All))
                    .Where(variant => variant.Label.Length > 0 && variant.FullName == name),
            ];
            variants.AddRange(named.Where(variant => !variants.Exists(other => other.FullName == variant.FullName)));
            if (named.Count == 0)
            {
                throw new UserException($"no suite, job or variant '{name}'; perf list shows them");
            }
        }

        variants.RemoveAll(variant => !variant.FullName.Contains(filter, StringComparison.Ordinal));
        return variants.Count > 0 ? variants : throw new UserException($"no variant's name contains '{filter}'");
    }
}
