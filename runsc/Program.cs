using System;

namespace Runsc;

internal static class Program
{
    private static int Main(string[] args)
    {
        Console.WriteLine("runsc");
        return args.Length;
    }
}
