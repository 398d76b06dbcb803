using Abi.Linux;

namespace Sentry.Vfs;

/// <summary>What every directory description needs: types of entries, "." and "..".</summary>
public static class DirectoryEntries
{
    /// <summary>d_type of a file type.</summary>
    public static byte TypeOf(uint fileType) => (byte)((fileType & StatMode.S_IFMT) >> 12);

    /// <summary>
    /// Gives "." and ".." for positions 0 and 1. Returns false when the sink is full; <paramref name="position"/> is
    /// where to go on.
    /// </summary>
    public static bool AddDots(IDirentSink sink, ulong self, ulong parent, ref long position)
    {
        if (position == 0)
        {
            if (!sink.Add(self, Dirent.DT_DIR, ".", 1))
            {
                return false;
            }

            position = 1;
        }

        if (position == 1)
        {
            if (!sink.Add(parent, Dirent.DT_DIR, "..", 2))
            {
                return false;
            }

            position = 2;
        }

        return true;
    }
}
