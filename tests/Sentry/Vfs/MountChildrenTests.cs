using System;
using System.Collections.Generic;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Vfs;

/// <summary>The table of mounts below one: places and order, against a plain list.</summary>
public sealed class MountChildrenTests : IDisposable
{
    private readonly VfsFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Random_changes_agree_with_a_list()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        SuperBlock superBlock = _files.NewTmpfs();
        Dentry[] places = new Dentry[300];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = new Dentry(superBlock, null, "place" + i, null);
        }

        MountChildren children = new();
        List<(Mount Mount, Dentry Place)> model = [];
        for (int step = 0; step < 5000; step++)
        {
            // Mostly growing at first, mostly shrinking at the end.
            if (model.Count == 0 || random.Next(5000) > step)
            {
                Dentry place = places[random.Next(places.Length)];
                Mount mount = new(superBlock, superBlock.RootDentry, 0);
                children.AddLocked(mount, place);
                model.Add((mount, place));
            }
            else
            {
                int at = random.Next(model.Count);
                children.RemoveLocked(model[at].Mount, model[at].Place);
                model.RemoveAt(at);
            }

            Dentry asked = places[random.Next(places.Length)];
            Mount? expected = model.Find(entry => entry.Place == asked).Mount;
            Assert.True(expected == children.Find(asked), $"seed {seed}, step {step}");
        }

        Assert.Equal(model.ConvertAll(entry => entry.Mount), children.ToArray());
    }
}
