using System;
using System.IO;
using System.Text;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>
/// The state of one container on the host: <c>ROOT/ID/</c>, locked while its owner lives. A directory whose lock is
/// free belonged to a
/// launcher that died: it is taken over.
/// </summary>
internal sealed class StateDirectory : IDisposable
{
    private readonly string _path;
    private readonly FileStream _lock;

    private StateDirectory(string path, FileStream lockFile)
    {
        _path = path;
        _lock = lockFile;
    }

    /// <summary>Makes and locks the directory. An id in use is a user error.</summary>
    internal static StateDirectory Create(string root, string id, string bundle)
    {
        string path = Path.Combine(root, id);
        try
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException("--root: " + path + ": cannot be made");
        }

        FileStream lockFile;
        try
        {
            lockFile = new FileStream(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException("run: container id " + id + " is in use");
        }

        string temporary = Path.Combine(path, "state.json.tmp");
        string state = "{\"id\":" + Quote(id) + ",\"bundle\":" + Quote(Path.GetFullPath(bundle)) + ",\"pid\":"
            + Environment.ProcessId + "}\n";
        File.WriteAllText(temporary, state);
        File.Move(temporary, Path.Combine(path, "state.json"), overwrite: true);
        return new StateDirectory(path, lockFile);
    }

    /// <summary>Removes the directory.</summary>
    public void Dispose()
    {
        Directory.Delete(_path, recursive: true);
        _lock.Dispose();
    }

    private static string Quote(string text)
    {
        StringBuilder quoted = new("\"");
        return quoted.Append(System.Text.Json.JsonEncodedText.Encode(text)).Append('"').ToString();
    }
}
