using System;
using Abi.Linux;
using HostOs;
using Ring0;

namespace Platform.Kvm;

/// <summary>Where the Sentry's threads are while they serve guests.</summary>
public enum SentryPlace
{
    /// <summary>In host mode: every system call of a guest is an exit of the virtual machine.</summary>
    HostMode,

    /// <summary>In ring 0 of the virtual machine, as long as they need nothing of the host.</summary>
    Ring0,

    /// <summary>
    /// The same, on page tables of their own: those of guests have only the way there. For CPUs whose users can read
    /// what only ring 0 may.
    /// </summary>
    Ring0Apart,
}

/// <summary>Guest code in ring 3 of a virtual machine. See the README of this folder for the model.</summary>
public sealed class KvmPlatform : IPlatform
{
    /// <summary>vCPUs made at most: more guest threads than that take turns.</summary>
    public const int DefaultMaxVcpus = 64;

    /// <summary>The last page of the lower half stays empty: SYSRET there would fault in ring 0.</summary>
    private const ulong EndOfLowerHalf = (1UL << 47) - 4096;

    /// <summary>Nothing is mapped there.</summary>
    private const ulong UnmappedEntry = KernelArea.UpperBase - 4096;

    /// <summary>Threads that stay in ring 0 at most; others take turns.</summary>
    private const int MaxResidents = 512;
    private const int MaxCpus = 8192;

    /// <summary>Every CPU with XSAVE knows these bits of MXCSR (SDM vol. 1, 11.6.6).</summary>
    private const uint MxcsrMask = 0xffff;

    private readonly KvmVm _vm;
    private readonly TrapCode _code;
    private readonly ulong _idt;
    private ResidentCode? _resident;
    private ulong _residentIdt;
    private readonly byte[] _allCpus;

    private KvmPlatform(KvmVm vm, PhysicalMap physical, KernelArea area, BackingStore backing, ulong idt, int maxVcpus)
    {
        _vm = vm;
        _idt = idt;
        _code = TrapCode.Emit(KernelArea.UpperBase);
        Span<byte> cpus = stackalloc byte[MaxCpus / 8];
        HostSched.GetAffinity(0, cpus, out int bytes);
        _allCpus = cpus[..int.Max(bytes, 0)].ToArray();
        Physical = physical;
        Area = area;
        Backing = backing;
        int pooled = int.Min(maxVcpus, vm.MaxVcpus);
        Pool = new VcpuPool(MakeVcpu, pooled, int.Min(MaxResidents, vm.MaxVcpus - pooled));
        MakeResident = PrepareResident;
        FpFormat = new FpFormat(vm.Cpu.FpStateBytes, vm.Cpu.Xcr0, MxcsrMask);
    }

    /// <summary>Told one line when a guest dies for a reason it cannot see.</summary>
    public Action<string>? Log { get; set; }

    public string Name => "kvm";

    public ulong MaxUserAddress => Sentry is null ? EndOfLowerHalf : SentryMap.Base;

    public int FpStateBytes => FpFormat.Bytes;

    /// <summary>
    /// Whether the host emulates ring 0 instruction by instruction: then the Sentry must stay in host mode.
    /// </summary>
    public bool IsRing0Emulated { get; private set; }

    /// <summary>
    /// Whether the hypervisor keeps shadows of page tables, which do not follow what the process writes to them.
    /// </summary>
    public bool IsShadowed { get; private set; } = true;

    /// <summary>Where the Sentry's threads are while they serve guests.</summary>
    public SentryPlace Place =>
        Sentry is null ? SentryPlace.HostMode : EntryTables is null ? SentryPlace.Ring0 : SentryPlace.Ring0Apart;

    /// <summary>Why ring 0 could not be had, if it was asked for; else empty.</summary>
    public string WhyHostMode { get; private set; } = "";

    /// <summary>What <see cref="IsRing0Emulated"/> is concluded from, in words.</summary>
    public string Ring0Evidence { get; private set; } = "";

    /// <summary>The CPUs the process may use, as sched_getaffinity(2) gives them at the start.</summary>
    internal ReadOnlySpan<byte> AllCpus => _allCpus;

    internal PhysicalMap Physical { get; }

    internal KernelArea Area { get; }

    internal BackingStore Backing { get; }

    internal VcpuPool Pool { get; }

    internal FpFormat FpFormat { get; }

    /// <summary>What ring 0 sees of the process; null in host mode.</summary>
    internal SentryMap? Sentry { get; private set; }

    /// <summary>Makes a vCPU one to stay in; for <see cref="VcpuPool.TakeResident"/>.</summary>
    internal Func<Vcpu, Errno> MakeResident { get; }

    /// <summary>What the kernel, and the Sentry if it is in ring 0, runs on while it has nothing of a guest; every
    /// address space has its entries, or those of <see cref="EntryTables"/>.</summary>
    internal PageTables KernelTables { get; private set; } = null!;

    /// <summary>The way into ring 0, where guests' tables have nothing else of it; null where they have all.</summary>
    internal PageTables? EntryTables { get; private set; }

    /// <summary>IA32_LSTAR.</summary>
    internal ulong SystemCallEntry { get; private set; }

    /// <summary>
    /// Opens /dev/kvm, which a confined process could not any more. On failure <paramref name="problem"/> is one line
    /// that says what to do.
    /// </summary>
    public static Errno OpenDevice(out HostFd? device, out string problem) =>
        KvmVm.OpenDevice(out device, out problem);

    /// <summary>
    /// Starts the platform on a device that is its own from then on. Call it before the seccomp filter. On failure
    /// <paramref name="problem"/> is one line that says what to do.
    /// </summary>
    public static Errno Create(
        HostFd device, out KvmPlatform? platform, out string problem, int maxVcpus = DefaultMaxVcpus,
        SentryPlace place = SentryPlace.HostMode)
    {
        platform = null;
        SafeCopy.Install();
        Errno error = QuietSignal.Install(Vcpu.KickSignal);
        if (error != Errno.None)
        {
            problem = "kvm platform: catching the kick signal: " + error;
            return error;
        }
        error = KvmVm.Create(device, out KvmVm? vm, out problem);
        if (error != Errno.None)
        {
            return error;
        }
        var physical = new PhysicalMap(vm!);
        problem = "kvm platform: making guest memory";
        error = KernelArea.Create(physical, out KernelArea? area);
        BackingStore? backing = null;
        error = error == Errno.None ? BackingStore.Create(physical, out backing) : error;
        if (error == Errno.None && area!.TryAllocate(PageTables.PageBytes, out ulong idt, out _))
        {
            var made = new KvmPlatform(vm!, physical, area, backing!, area.UpperOf(idt), maxVcpus);
            error = made.Start(idt, place, out problem);
            platform = error == Errno.None ? made : null;
        }
        if (error != Errno.None)
        {
            backing?.Dispose();
            area?.Dispose();
            vm!.Dispose();
            problem += ": " + error;
        }
        return error;
    }

    /// <summary>
    /// Finds out whether the Sentry could stay in ring 0 on this host: <paramref name="whyNot"/> is empty if so, else
    /// one line. The device is closed. An error is a virtual machine that could not be made, this time.
    /// </summary>
    public static Errno Calibrate(HostFd device, out string whyNot)
    {
        Errno error = Create(device, out KvmPlatform? platform, out whyNot, maxVcpus: 1, SentryPlace.Ring0);
        using (platform)
        {
            whyNot = platform?.WhyHostMode ?? whyNot;
        }
        return error;
    }

    public Errno NewAddressSpace(out IAddressSpace? addressSpace)
    {
        Errno error = KvmAddressSpace.Create(this, out KvmAddressSpace? space);
        addressSpace = space;
        return error;
    }

    public IContext NewContext() =>
        (Sentry is null ? null : (IContext?)ResidentContext.Create(this)) ?? new PooledContext(this);

    public void Keep(int hostFd) => Backing.Keep(hostFd);

    /// <summary>How often ring 0 has been left, over all vCPUs.</summary>
    public LeaveCounts CountLeaves()
    {
        var counts = new LeaveCounts();
        Pool.CountLeaves(counts);
        return counts;
    }

    public void Dispose()
    {
        Pool.Dispose();
        Backing.Dispose();
        Area.Dispose();
        _vm.Dispose();
    }

    private Errno Start(ulong idt, SentryPlace place, out string problem)
    {
        problem = "kvm platform: making page tables";
        PageSize largest = _vm.Cpu.HasHugePages ? PageSize.Bytes1G : PageSize.Bytes2M;
        if (!PageTables.TryCreate(new AreaTables(Area), largest, out PageTables? tables) ||
            !Area.MapInto(tables!))
        {
            return Errno.ENOMEM;
        }
        KernelTables = tables!;
        Area.LoadCode(_code.Bytes);
        DescriptorTables.WriteIdt(Area.BytesAt(idt, DescriptorTables.IdtBytes), _code.Vectors);
        problem = "kvm platform: making the first vCPU";
        var context = new PooledContext(this);
        Vcpu? vcpu = Pool.Take(context);
        if (vcpu is null)
        {
            context.Dispose();
            return Errno.ENODEV;
        }
        Errno error = Calibrate(vcpu, out problem);
        IsShadowed = IsRing0Emulated || !FollowsEdits(vcpu);
        Pool.Return(vcpu);
        context.Dispose();
        if (error == Errno.None && place != SentryPlace.HostMode)
        {
            bool apart = place == SentryPlace.Ring0Apart || _vm.LeaksKernelMemory;
            WhyHostMode = MoveIn(vcpu, apart ? GuestTables.Separate : GuestTables.Shared);
        }
        return error;
    }

    /// <summary>
    /// Makes all ready for the Sentry's threads to stay in ring 0; says why not if that cannot be.
    /// <paramref name="first"/> is the one vCPU that has been made.
    /// </summary>
    private string MoveIn(Vcpu first, GuestTables guestTables)
    {
        if (IsRing0Emulated)
        {
            return "the host emulates ring 0";
        }
        if (_vm.Cpu.Cr4Resident == 0)
        {
            return "the CPU lacks FSGSBASE, SMEP or SMAP";
        }
        (nint host, ulong upper) = Area.SecondCodeAddress;
        FpMove fp = _vm.Cpu.HasOnlyAvx ? FpMove.Vectors : FpMove.Whole;
        var code = ResidentCode.Emit((ulong)host, upper, fp, guestTables);
        SentryMap? sentry = SentryMap.Create(Physical, KernelTables, guestTables);
        if (sentry is null || !sentry.Want((ulong)host) ||
            !Area.TryAllocate(PageTables.PageBytes, out ulong idt, out _) ||
            !TryMakeEntryTables(guestTables, first, idt, out PageTables? entry))
        {
            return "there is no memory for page tables where the process has its own";
        }
        if (Area.LoadSecondCode(code.Bytes) != Errno.None)
        {
            return "the host refuses executable memory";
        }
        DescriptorTables.WriteIdt(
            Area.BytesAt(idt, ResidentCode.Vectors * DescriptorTables.GateBytes), code.Entries);
        sentry.WantCode((ulong)host);
        _residentIdt = Area.UpperOf(idt);
        _resident = code;
        EntryTables = entry;
        Sentry = sentry;
        return "";
    }

    /// <summary>Tables with the way into ring 0 alone, if that is what guests get. False without memory.</summary>
    private bool TryMakeEntryTables(GuestTables guestTables, Vcpu first, ulong idt, out PageTables? tables)
    {
        tables = null;
        return guestTables == GuestTables.Shared ||
            (PageTables.TryCreate(new AreaTables(Area), PageSize.Bytes4K, out tables) &&
            tables!.Reserve(KernelArea.UpperBase) && Area.MapCodeInto(tables) &&
            Area.MapPageInto(tables, Area.PhysicalOfUpper(_idt)) && Area.MapPageInto(tables, idt) &&
            Area.MapPageInto(tables, first.EntryPage));
    }

    private Errno PrepareResident(Vcpu vcpu) => vcpu.BecomeResident(_resident!, _residentIdt, KernelTables.Root);

    /// <summary>Whether the CPU sees what the process writes to a page table once CR3 is loaded.</summary>
    private bool FollowsEdits(Vcpu vcpu)
    {
        const ulong Address = KernelArea.UpperBase + PhysicalMap.ChunkBytes;
        for (ulong value = 1; value <= 2; value++)
        {
            if (!Area.TryAllocate(PageTables.PageBytes, out ulong page, out _))
            {
                return false;
            }
            Area.TableAt(page)[0] = value;
            if (!KernelTables.Map(Address, PageTables.PageBytes, page, PageFlags.NoExecute) ||
                !vcpu.Peek(KernelTables.Root, Address, out ulong seen) || seen != value)
            {
                return false;
            }
        }
        return true;
    }

    private Errno Calibrate(Vcpu vcpu, out string problem)
    {
        problem = "kvm platform: running ring 0";
        using var probe = new VcpuProbe(vcpu, KernelTables.Root);
        Ring0Runner runner = Calibration.Find(probe, out string evidence);
        if (runner == Ring0Runner.Nobody)
        {
            return Errno.EIO;
        }
        Ring0Evidence = evidence;
        IsRing0Emulated = runner == Ring0Runner.Emulator;
        SystemCallEntry = IsRing0Emulated ? UnmappedEntry : _code.SystemCall;
        vcpu.ShadowsStay = IsRing0Emulated;
        problem = "kvm platform: setting the system-call entry";
        return vcpu.SetSystemCallEntry(SystemCallEntry);
    }

    private Vcpu? MakeVcpu(int identifier)
    {
        Errno error = Vcpu.Create(_vm, Area, _code, _idt, KernelTables.Root, identifier, out Vcpu? vcpu);
        if (error == Errno.None && SystemCallEntry != 0)
        {
            vcpu!.ShadowsStay = IsRing0Emulated;
            error = vcpu.SetSystemCallEntry(SystemCallEntry);
        }
        if (error == Errno.None && EntryTables is { } entry && !Area.MapPageInto(entry, vcpu!.EntryPage))
        {
            error = Errno.ENOMEM;
        }
        if (error != Errno.None)
        {
            Log?.Invoke($"kvm: making vCPU {identifier}: {error}");
        }
        return error == Errno.None ? vcpu : null;
    }

    /// <summary>Table memory of the kernel's own tree, which never changes once made.</summary>
    private sealed class AreaTables(KernelArea area) : ITableMemory
    {
        public bool TryAllocate(out ulong physical) => area.TryAllocate(PageTables.PageBytes, out physical, out _);

        public void Free(ulong physical) => area.Free(physical);

        public Span<ulong> Entries(ulong physical) => area.TableAt(physical);

        public void Changed(ulong physical)
        {
        }

        public void Mapped(ulong physical, ulong lengthBytes)
        {
        }

        public void Dropped(ulong physical, ulong lengthBytes)
        {
        }
    }
}
