using System;
using Abi.Linux;
using HostOs;
using Stub;

namespace Tests.Sentry.Time;

/// <summary>The image of the vDSO in this process, its parameter page in front, as a guest has it.</summary>
// SAFETY: calls machine code made by this project with the signatures of vdso(7), over memory this class owns.
internal sealed unsafe class LoadedVdso : IDisposable
{
    private const nint PageBytes = 4096;
    private readonly nint _start;
    private readonly nuint _length;
    private readonly VdsoElf _elf;

    public LoadedVdso()
    {
        byte[] image = VdsoImage.Build();
        _elf = new VdsoElf(image);
        _length = (nuint)(PageBytes + image.Length);
        int access = HostMman.ProtRead | HostMman.ProtWrite;
        int flags = HostMman.MapPrivate | HostMman.MapAnonymous;
        Check(HostMman.Map(0, _length, access, flags, -1, 0, out _start));
        image.CopyTo(new Span<byte>((void*)(_start + PageBytes), image.Length));
        Check(HostMman.Protect(
            _start + PageBytes, (nuint)image.Length, HostMman.ProtRead | HostMman.ProtExec));
    }

    public nuint Parameters => (nuint)_start;

    public ref VdsoParameters Page => ref *(VdsoParameters*)_start;

    public int ClockGetTime(int clock, out Timespec time)
    {
        fixed (Timespec* p = &time)
        {
            *p = default;
            return ((delegate* unmanaged<int, Timespec*, int>)Address("__vdso_clock_gettime"))(clock, p);
        }
    }

    public long Now(int clock)
    {
        int error = ClockGetTime(clock, out Timespec time);
        return error != 0 ? error : (time.tv_sec * 1_000_000_000) + time.tv_nsec;
    }

    public int ClockGetRes(int clock, out Timespec time)
    {
        fixed (Timespec* p = &time)
        {
            *p = default;
            return ((delegate* unmanaged<int, Timespec*, int>)Address("__vdso_clock_getres"))(clock, p);
        }
    }

    public int GetTimeOfDay(out Timeval time, out Timezone zone)
    {
        time = default;
        zone = new Timezone { tz_minuteswest = 77, tz_dsttime = 77 };
        fixed (Timeval* p = &time)
        fixed (Timezone* z = &zone)
        {
            return ((delegate* unmanaged<Timeval*, Timezone*, int>)Address("__vdso_gettimeofday"))(p, z);
        }
    }

    public int GetTimeOfDayOfNothing() =>
        ((delegate* unmanaged<Timeval*, Timezone*, int>)Address("__vdso_gettimeofday"))(null, null);

    public long Time(out long stored)
    {
        fixed (long* p = &stored)
        {
            *p = 0;
            return ((delegate* unmanaged<long*, long>)Address("__vdso_time"))(p);
        }
    }

    public long TimeWithoutStore() => ((delegate* unmanaged<long*, long>)Address("__vdso_time"))(null);

    public int GetCpu(out uint cpu)
    {
        fixed (uint* p = &cpu)
        {
            *p = uint.MaxValue;
            return ((delegate* unmanaged<uint*, uint*, void*, int>)Address("__vdso_getcpu"))(p, null, null);
        }
    }

    public void Dispose() => HostMman.Unmap(_start, _length);

    private static void Check(Errno errno)
    {
        if (errno != Errno.None)
        {
            throw new InvalidOperationException(errno.ToString());
        }
    }

    private nint Address(string name) => _start + PageBytes + (nint)_elf.Find(name)!.Value.Value;
}
