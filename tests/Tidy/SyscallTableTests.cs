using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Tidy;

/// <summary>
/// Every row of sentry/Syscalls/SyscallTable.cs that claims support is exercised: the code of a guest program calls it
/// (its C wrapper, or SYS_name or __NR_name), or tests/guest/untested-syscalls.txt lists it as "name: reason".
/// </summary>
public sealed class SyscallTableTests
{
    private const string Table = "sentry/Syscalls/SyscallTable.cs";
    private const string Listed = "tests/guest/untested-syscalls.txt";

    /// <summary>A row that promises something; <c>Missing</c> rows do not.</summary>
    private static readonly Regex Row = new(@"^\s*(?:Full|Partial|Error)\(\d+, ""([a-z0-9_]+)""");

    /// <summary>Calls whose C wrapper has another name.</summary>
    private static readonly Dictionary<string, string> Wrappers = new()
    {
        ["rt_sigaction"] = "sigaction",
        ["rt_sigprocmask"] = "sigprocmask",
        ["rt_sigpending"] = "sigpending",
        ["rt_sigsuspend"] = "sigsuspend",
        ["rt_sigtimedwait"] = "sigtimedwait",
        ["rt_sigqueueinfo"] = "sigqueue",
        ["pread64"] = "pread",
        ["pwrite64"] = "pwrite",
        ["newfstatat"] = "fstatat",
        ["newuname"] = "uname",
        ["fadvise64"] = "posix_fadvise",
        ["getdents64"] = "readdir",
        ["umount2"] = "umount",
        ["epoll_create1"] = "epoll_create",
        ["pselect6"] = "pselect",
        ["exit_group"] = "_exit",
        ["mq_timedsend"] = "mq_send",
        ["mq_timedreceive"] = "mq_receive",
        ["prlimit64"] = "prlimit",
    };

    [Fact]
    public void Every_supported_call_is_tested_by_a_guest_program_or_listed()
    {
        string table = Repository.Read(Table);
        Assert.True(Regex.Count(table, @"^\s*(?:Missing|Full|Partial|Error)\(\d+, ", RegexOptions.Multiline) > 300);
        Dictionary<string, int> rows = Rows(table);
        HashSet<string> words = [.. Repository.Files.Where(path => Regex.IsMatch(path, "^tests/guest/.*\\.[ch]$"))
            .SelectMany(path => Words(Repository.Read(path)))];
        Dictionary<string, string> listed = ReadList(Repository.Exists(Listed) ? Repository.Read(Listed) : "");
        Repository.AssertNone(Violations(rows, words, listed));
    }

    [Fact]
    public void Every_call_is_made_by_the_fuzzer()
    {
        const string Calls = "tests/survival/fuzz-calls.h";
        string[] leftOut = ["exit", "exit_group", "pause", "rt_sigreturn"];
        HashSet<string> numbers = [.. Regex.Matches(Repository.Read(Calls), @"\{ (\d+), """)
            .Select(match => match.Groups[1].Value)];
        Repository.AssertNone(Regex.Matches(Repository.Read(Table), @"\((\d+), ""([a-z0-9_]+)""")
            .Where(row => !numbers.Contains(row.Groups[1].Value) && !leftOut.Contains(row.Groups[2].Value))
            .Select(row => new Violation(Calls, 1, $"'{row.Groups[2].Value}' has no entry")));
    }

    [Fact]
    public void A_row_that_nothing_tests_is_found()
    {
        Dictionary<string, int> rows = new() { ["getpid"] = 1, ["mincore"] = 2, ["vhangup"] = 3 };
        HashSet<string> words =
            [.. Words(
                "int main() { /* vhangup() */ return syscall(SYS_getpid) + mincore(\"vhangup()\"); } // vhangup()")];
        Assert.Single(Violations(rows, words, []));
        Assert.Empty(Violations(rows, words, new() { ["vhangup"] = "needs a login terminal" }));
        Assert.Single(Violations(rows, words, new() { ["vhangup"] = "" }));
        Assert.Equal(2, Violations(rows, words, new() { ["gone"] = "no such call" }).Count());
    }

    internal static IEnumerable<Violation> Violations(
        Dictionary<string, int> rows, HashSet<string> words, Dictionary<string, string> listed)
    {
        foreach ((string name, int line) in rows)
        {
            bool tested = words.Contains(name) || words.Contains("SYS_" + name) || words.Contains("__NR_" + name)
                || words.Contains(Wrappers.GetValueOrDefault(name, name));
            bool excused = listed.TryGetValue(name, out string? reason) && reason.Length > 0;
            if (!tested && !excused)
            {
                yield return new(Table, line, $"'{name}' is neither named by a guest test nor listed in {Listed}");
            }
        }

        foreach (string name in listed.Keys.Where(name => !rows.ContainsKey(name)))
        {
            yield return new(Listed, 1, $"'{name}' is no row of the table that claims support");
        }
    }

    /// <summary>Name and line of the rows that claim support; a row of level Error promises nothing but its
    /// errno.</summary>
    private static Dictionary<string, int> Rows(string text)
    {
        Dictionary<string, int> rows = [];
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            Match match = Row.Match(lines[i]);
            if (match.Success)
            {
                rows.TryAdd(match.Groups[1].Value, i + 1);
            }
        }

        return rows;
    }

    /// <summary>What is called and which SYS_* are named, outside comments and strings.</summary>
    private static IEnumerable<string> Words(string text)
    {
        string code = Regex.Replace(text, @"//[^\n]*|/\*.*?\*/|""(?:\\.|[^""\\\n])*""", " ", RegexOptions.Singleline);
        return Regex.Matches(code, @"\w+(?=\s*\()|\b(?:SYS|__NR)_\w+").Select(match => match.Value);
    }

    private static Dictionary<string, string> ReadList(string text) =>
        text.Split('\n').Where(line => line.Contains(':') && !line.StartsWith('#'))
            .ToDictionary(line => line[..line.IndexOf(':')].Trim(), line => line[(line.IndexOf(':') + 1)..].Trim());
}
