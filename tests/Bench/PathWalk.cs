using Abi.Linux;
using BenchmarkDotNet.Attributes;
using Sentry.Vfs;
using Tests.Sentry.Vfs;

namespace Tests.Bench;

/// <summary>Names to places, in the cache of a tmpfs.</summary>
public class PathWalk
{
    private VfsFixture _files = null!;

    [GlobalSetup]
    public void Prepare()
    {
        _files = new VfsFixture();
        foreach (string folder in (string[])["/usr", "/usr/lib", "/usr/lib/python3", "/usr/lib/python3/json"])
        {
            Must.Succeed(_files.MkDir(folder));
        }

        _files.WriteFile("/usr/lib/python3/json/decoder.py", "x");
        Must.Succeed(_files.Symlink("usr/lib", "/lib"));
    }

    [GlobalCleanup]
    public void End() => _files.Dispose();

    [Benchmark]
    public VfsPath FiveComponents() => Find("/usr/lib/python3/json/decoder.py");

    [Benchmark]
    public VfsPath ThroughALink() => Find("/lib/python3/json/decoder.py");

    [Benchmark]
    public void ANameThatIsNotThere() =>
        Must.Hold(_files.Lookup("/usr/lib/python3/json/none.py", out _) == Errno.ENOENT);

    private VfsPath Find(string path)
    {
        Must.Succeed(_files.Lookup(path, out VfsPath place));
        return place;
    }
}
