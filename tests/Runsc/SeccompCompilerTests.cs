using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Runsc.Oci;
using Sentry.Kernel;
using Xunit;

namespace Tests.Runsc;

/// <summary>From linux.seccomp to what a call is answered.</summary>
public sealed class SeccompCompilerTests
{
    private const uint Allow = Seccomp.SECCOMP_RET_ALLOW;
    private const uint Refuse = Seccomp.SECCOMP_RET_ERRNO | (uint)Errno.EPERM;

    private static List<ulong> Compile(string profile)
    {
        string text = "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/\"},\"process\":{\"args\":[\"a\"],"
            + "\"cwd\":\"/\"},\"linux\":{\"seccomp\":" + profile.Replace('\'', '"') + "}}";
        Spec spec = SpecLoader.Parse("config.json", Encoding.UTF8.GetBytes(text));
        return SeccompCompiler.Compile("config.json", spec.Linux!.Seccomp!);
    }

    private static Func<int, ulong, ulong, uint> Program(string profile)
    {
        SockFilter[] code = [.. Compile(profile).ConvertAll(word => new SockFilter { code = (ushort)word,
            jt = (byte)(word >> 16), jf = (byte)(word >> 24), k = (uint)(word >> 32) })];
        Assert.Equal(Errno.None, BpfProgram.TryCreate(code, out BpfProgram? program));
        return (number, first, second) => program!.Run([(uint)number, Audit.AUDIT_ARCH_X86_64, 0, 0, (uint)first,
            (uint)(first >> 32), (uint)second, (uint)(second >> 32), 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    [Fact]
    public void Every_call_is_answered_as_its_rule_says()
    {
        Func<int, ulong, ulong, uint> ask = Program("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
            + "{'names':['read','write','nothing','getpid'],'action':'SCMP_ACT_ALLOW'},"
            + "{'names':['mkdir'],'action':'SCMP_ACT_ERRNO','errnoRet':13},"
            + "{'names':['clone3'],'action':'SCMP_ACT_KILL_PROCESS'}]}");
        Assert.Equal(Allow, ask(SysNr.read, 0, 0));
        Assert.Equal(Allow, ask(SysNr.write, 0, 0));
        Assert.Equal(Allow, ask(SysNr.getpid, 0, 0));
        Assert.Equal(Refuse, ask(SysNr.open, 0, 0));
        Assert.Equal(Seccomp.SECCOMP_RET_ERRNO | (uint)Errno.EACCES, ask(SysNr.mkdir, 0, 0));
        Assert.Equal(Seccomp.SECCOMP_RET_KILL_PROCESS, ask(SysNr.clone3, 0, 0));
        Assert.Equal(Seccomp.SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS, ask(SysNr.clone3 + 1, 0, 0));
    }

    [Theory]
    [InlineData("EQ", 5, 0, 5, true)]
    [InlineData("EQ", 5, 0, 0x100000005, false)]
    [InlineData("NE", 5, 0, 5, false)]
    [InlineData("NE", 5, 0, 0x100000005, true)]
    [InlineData("NE", 5, 0, 4, true)]
    [InlineData("GT", 5, 0, 5, false)]
    [InlineData("GT", 5, 0, 6, true)]
    [InlineData("GT", 5, 0, 0x100000000, true)]
    [InlineData("GT", 0x200000005, 0, 0x100000006, false)]
    [InlineData("GE", 5, 0, 5, true)]
    [InlineData("GE", 5, 0, 4, false)]
    [InlineData("LT", 5, 0, 4, true)]
    [InlineData("LT", 5, 0, 5, false)]
    [InlineData("LT", 5, 0, 0x100000000, false)]
    [InlineData("LT", 0x200000005, 0, 0x1ffffffff, true)]
    [InlineData("LE", 5, 0, 5, true)]
    [InlineData("LE", 5, 0, 6, false)]
    [InlineData("MASKED_EQ", 0x7e020000, 0, 0x11, true)]
    [InlineData("MASKED_EQ", 0x7e020000, 0, 0x10000000, false)]
    [InlineData("MASKED_EQ", 0xff00000000, 0x1200000000, 0x1200000034, true)]
    public void Arguments_are_compared_as_numbers_of_64_bits(string operation, ulong value, ulong second, ulong given,
        bool holds)
    {
        Func<int, ulong, ulong, uint> ask = Program("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['clone'],"
            + "'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':" + value + ",'valueTwo':" + second
            + ",'op':'SCMP_CMP_" + operation + "'}]}]}");
        Assert.Equal(holds ? Allow : Refuse, ask(SysNr.clone, 0, given));
        Assert.Equal(Refuse, ask(SysNr.getpid, 0, given));
    }

    [Fact]
    public void All_conditions_of_a_rule_must_hold_and_one_rule_is_enough()
    {
        Func<int, ulong, ulong, uint> ask = Program("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
            + "{'names':['socket'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'},"
            + "{'index':1,'value':2,'op':'SCMP_CMP_EQ'}]},"
            + "{'names':['socket'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':40,'op':'SCMP_CMP_EQ'}]}]}");
        Assert.Equal(Refuse, ask(SysNr.socket, 1, 2));
        Assert.Equal(Allow, ask(SysNr.socket, 1, 3));
        Assert.Equal(Allow, ask(SysNr.socket, 2, 2));
        Assert.Equal(Refuse, ask(SysNr.socket, 40, 7));
        Assert.Equal(Allow, ask(SysNr.clone3 + 60, 0, 0));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{'defaultAction':'ALLOW'}")]
    [InlineData("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[null]}")]
    [InlineData("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_NOTIFY'}]}")]
    [InlineData("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':5000}")]
    [InlineData(
        "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_LOG',"
        + "'args':[{'index':6,'op':'SCMP_CMP_EQ'}]}]}")]
    [InlineData(
        "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'action':'SCMP_ACT_LOG',"
        + "'args':[{'index':1,'op':'EQ'}]}]}")]
    public void What_cannot_be_done_is_refused(string profile) =>
        Assert.Contains("linux.seccomp", Assert.Throws<UserErrorException>(() => Compile(profile)).Message,
            StringComparison.Ordinal);
}
