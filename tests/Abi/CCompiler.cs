using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Xunit;

namespace Tests.Abi;

/// <summary>The system's C compiler.</summary>
internal static class CCompiler
{
    /// <summary>Checks the units and returns the compiler's error lines, empty when all assertions hold.</summary>
    public static string Check(IEnumerable<string> units)
    {
        string directory = Directory.CreateTempSubdirectory("abi-").FullName;
        try
        {
            List<string> arguments = ["-std=gnu11", "-fsyntax-only", "-w", "-fmax-errors=0"];
            foreach (string text in units)
            {
                arguments.Add(Path.Combine(directory, $"unit{arguments.Count}.c"));
                File.WriteAllText(arguments[^1], text);
            }

            (int status, string output) = Start("cc", arguments, Stream.Error);
            string[] errors = output.Split('\n').Where(line => line.Contains("error:")).ToArray();
            Assert.True((status == 0) == (errors.Length == 0), output);
            return string.Join('\n', errors.Select(line => line.Replace(directory, "")));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Compiles and runs a program; returns its standard output.</summary>
    public static string Run(string program)
    {
        string directory = Directory.CreateTempSubdirectory("abi-").FullName;
        try
        {
            string source = Path.Combine(directory, "program.c");
            string executable = Path.Combine(directory, "program");
            File.WriteAllText(source, program);
            (int status, string errors) = Start("cc", ["-std=gnu11", "-o", executable, source], Stream.Error);
            Assert.True(status == 0, errors);
            (status, string output) = Start(executable, [], Stream.Output);
            Assert.Equal(0, status);
            return output;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Runs a program to its end and captures one of its streams.</summary>
    private static (int Status, string Text) Start(string program, IEnumerable<string> arguments, Stream stream)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardOutput = stream == Stream.Output,
            RedirectStandardError = stream == Stream.Error,
        };
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start)!;
        string output = (stream == Stream.Output ? process.StandardOutput : process.StandardError).ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    /// <summary>The stream to capture.</summary>
    private enum Stream
    {
        Output,
        Error,
    }
}
