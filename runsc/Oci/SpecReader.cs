using System;
using Runsc.Sandbox;

namespace Runsc.Oci;

/// <summary>
/// Reads a configuration that is as it should be without the serializer, whose type information a start would wait for.
/// Of anything else it says null: the serializer then finds the words for what is wrong. Members are named as in
/// config.md and config-linux.md.
/// </summary>
internal static class SpecReader
{
    /// <summary>The configuration, or null.</summary>
    internal static Spec? Read(ReadOnlySpan<byte> text) => JsonFields.Read(text, ReadSpec);

    /// <summary>The member "process" alone, or null.</summary>
    internal static ProcessSpec? ReadProcess(ReadOnlySpan<byte> text) => JsonFields.Read(text, ReadProcess);

    private static Spec ReadSpec(JsonFields fields) => new()
    {
        OciVersion = fields.Text("ociVersion"),
        Process = fields.Object("process", ReadProcess),
        Root = fields.Object("root", static root => new RootSpec
        {
            Path = root.Text("path"),
            Readonly = root.Flag("readonly"),
        }),
        Hostname = fields.Text("hostname"),
        Domainname = fields.Text("domainname"),
        Mounts = fields.Objects("mounts", ReadMount),
        Annotations = fields.Map("annotations"),
        Linux = fields.Object("linux", ReadLinux),
        Hooks = fields.Object("hooks", ReadHooks),
    };

    private static ProcessSpec ReadProcess(JsonFields fields) => new()
    {
        Terminal = fields.Flag("terminal"),
        ConsoleSize = fields.Object("consoleSize", static size => new BoxSpec
        {
            Height = size.Short("height"),
            Width = size.Short("width"),
        }),
        User = fields.Object("user", ReadUser),
        Args = fields.Texts("args"),
        Env = fields.Texts("env"),
        Cwd = fields.Text("cwd"),
        Capabilities = fields.Object("capabilities", static sets => new CapabilitiesSpec
        {
            Bounding = sets.Texts("bounding"),
            Effective = sets.Texts("effective"),
            Inheritable = sets.Texts("inheritable"),
            Permitted = sets.Texts("permitted"),
            Ambient = sets.Texts("ambient"),
        }),
        Rlimits = fields.Objects("rlimits", static limit => new RlimitSpec
        {
            Type = limit.Text("type"),
            Soft = limit.Unsigned("soft"),
            Hard = limit.Unsigned("hard"),
        }),
        NoNewPrivileges = fields.Flag("noNewPrivileges"),
        OomScoreAdj = fields.Has("oomScoreAdj") ? fields.Int("oomScoreAdj") : null,
        Scheduler = fields.Element("scheduler"),
        IoPriority = fields.Element("ioPriority"),
    };

    private static UserSpec ReadUser(JsonFields fields) => new()
    {
        Uid = fields.Word("uid"),
        Gid = fields.Word("gid"),
        Umask = OptionalWord(fields, "umask"),
        AdditionalGids = fields.Words("additionalGids"),
    };

    private static MountSpec ReadMount(JsonFields fields) => new()
    {
        Destination = fields.Text("destination"),
        Type = fields.Text("type"),
        Source = fields.Text("source"),
        Options = fields.Texts("options"),
        UidMappings = fields.Element("uidMappings"),
        GidMappings = fields.Element("gidMappings"),
    };

    private static HooksSpec ReadHooks(JsonFields fields) => new()
    {
        Prestart = fields.Objects("prestart", ReadHook),
        CreateRuntime = fields.Objects("createRuntime", ReadHook),
        CreateContainer = fields.Objects("createContainer", ReadHook),
        StartContainer = fields.Objects("startContainer", ReadHook),
        Poststart = fields.Objects("poststart", ReadHook),
        Poststop = fields.Objects("poststop", ReadHook),
    };

    private static HookSpec ReadHook(JsonFields fields) => new()
    {
        Path = fields.Text("path"),
        Args = fields.Texts("args"),
        Env = fields.Texts("env"),
        Timeout = fields.Has("timeout") ? fields.Int("timeout") : null,
    };

    private static LinuxSpec ReadLinux(JsonFields fields) => new()
    {
        Namespaces = fields.Objects("namespaces", static space => new NamespaceSpec
        {
            Type = space.Text("type"),
            Path = space.Text("path"),
        }),
        MaskedPaths = fields.Texts("maskedPaths"),
        ReadonlyPaths = fields.Texts("readonlyPaths"),
        Resources = fields.Object("resources", ReadResources),
        RootfsPropagation = fields.Text("rootfsPropagation"),
        CgroupsPath = fields.Text("cgroupsPath"),
        Sysctl = fields.Map("sysctl"),
        Devices = fields.Objects("devices", ReadDevice),
        UidMappings = fields.Objects("uidMappings", ReadMapping),
        GidMappings = fields.Objects("gidMappings", ReadMapping),
        Personality = fields.Object("personality", static personality => new PersonalitySpec
        {
            Domain = personality.Text("domain"),
            Flags = personality.Texts("flags"),
        }),
        Seccomp = fields.Object("seccomp", ReadSeccomp),
        TimeOffsets = fields.Element("timeOffsets"),
        IntelRdt = fields.Element("intelRdt"),
        NetDevices = fields.Element("netDevices"),
    };

    private static DeviceSpec ReadDevice(JsonFields fields) => new()
    {
        Type = fields.Text("type"),
        Path = fields.Text("path"),
        Major = OptionalNumber(fields, "major"),
        Minor = OptionalNumber(fields, "minor"),
        FileMode = OptionalWord(fields, "fileMode"),
        Uid = OptionalWord(fields, "uid"),
        Gid = OptionalWord(fields, "gid"),
    };

    private static IdMappingSpec ReadMapping(JsonFields fields) => new()
    {
        ContainerId = fields.Word("containerID"),
        HostId = fields.Word("hostID"),
        Size = fields.Word("size"),
    };

    private static ResourcesSpec ReadResources(JsonFields fields) => new()
    {
        Memory = fields.Object("memory", static memory => new MemorySpec
        {
            Limit = OptionalNumber(memory, "limit"),
            Reservation = OptionalNumber(memory, "reservation"),
            Swap = OptionalNumber(memory, "swap"),
        }),
        Pids = fields.Object("pids", static pids => new PidsSpec { Limit = OptionalNumber(pids, "limit") }),
        Cpu = fields.Object("cpu", static cpu => new CpuSpec
        {
            Shares = OptionalNumber(cpu, "shares"),
            Quota = OptionalNumber(cpu, "quota"),
            Period = OptionalNumber(cpu, "period"),
            Cpus = cpu.Text("cpus"),
            Mems = cpu.Text("mems"),
            RealtimeRuntime = OptionalNumber(cpu, "realtimeRuntime"),
            RealtimePeriod = OptionalNumber(cpu, "realtimePeriod"),
        }),
        BlockIo = fields.Element("blockIO"),
        HugepageLimits = fields.Element("hugepageLimits"),
        Network = fields.Element("network"),
        Rdma = fields.Element("rdma"),
        Unified = fields.Element("unified"),
    };

    private static long? OptionalNumber(JsonFields fields, string name) =>
        fields.Has(name) ? fields.Number(name) : null;

    private static uint? OptionalWord(JsonFields fields, string name) => fields.Has(name) ? fields.Word(name) : null;

    private static SeccompSpec ReadSeccomp(JsonFields fields) => new()
    {
        DefaultAction = fields.Text("defaultAction"),
        DefaultErrnoRet = OptionalWord(fields, "defaultErrnoRet"),
        Syscalls = fields.Objects("syscalls", static rule => new SeccompRuleSpec
        {
            Names = rule.Texts("names"),
            Action = rule.Text("action"),
            ErrnoRet = OptionalWord(rule, "errnoRet"),
            Args = rule.Objects("args", static argument => new SeccompArgumentSpec
            {
                Index = argument.Word("index"),
                Value = argument.Unsigned("value"),
                ValueTwo = argument.Unsigned("valueTwo"),
                Operation = argument.Text("op"),
            }),
        }),
    };
}
