using System;
using Abi.Linux;
using Sentry.Kernel;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>The interpreter of seccomp filters: what is accepted ends, never fails, and computes what it
/// says.</summary>
public sealed class BpfProgramTests
{
    private const int Rounds = 200_000;
    private const int MaxLength = 24;

    private static readonly ushort[] Codes =
    [
        0x20, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03, 0x06, 0x16, 0x07, 0x87, 0x84, 0x05, 0x15, 0x1d, 0x25,
            0x2d,
        0x35, 0x3d, 0x45, 0x4d, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c,
            0x74,
        0x7c, 0xa4, 0xac, 0x94, 0x9c, 0x28, 0x30, 0x40, 0xb1, 0x0e, 0xff, 0xffff,
    ];

    [Fact]
    public void Random_programs_are_refused_or_run_to_an_end()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        uint[] data = new uint[BpfProgram.DataWords];
        int accepted = 0;
        for (int round = 0; round < Rounds; round++)
        {
            SockFilter[] code = new SockFilter[random.Next(1, MaxLength)];
            for (int i = 0; i < code.Length; i++)
            {
                code[i] = RandomStep(random, code.Length - i);
            }

            code[^1] = random.Next(8) == 0 ? code[^1] : new SockFilter { code = 0x16 };
            if (BpfProgram.TryCreate(code, out BpfProgram? program) == Errno.None)
            {
                accepted++;
                FillWords(random, data);
                program!.Run(data);
            }
        }

        Assert.True(accepted > Rounds / 1000, $"only {accepted} accepted, seed {seed}");
    }

    [Fact]
    public void Random_bytes_are_refused_or_run_to_an_end()
    {
        Random random = new(1);
        uint[] data = new uint[BpfProgram.DataWords];
        for (int round = 0; round < Rounds; round++)
        {
            SockFilter[] code = new SockFilter[random.Next(0, 6)];
            for (int i = 0; i < code.Length; i++)
            {
                code[i] = new SockFilter
                {
                    code = (ushort)random.Next(1 << 16),
                    jt = (byte)random.Next(256),
                    jf = (byte)random.Next(256),
                    k = (uint)random.NextInt64(1L << 32),
                };
            }

            if (BpfProgram.TryCreate(code, out BpfProgram? program) == Errno.None)
            {
                program!.Run(data);
            }
        }
    }

    [Theory]
    [InlineData(0x04, 7u, 5u, 12u)]
    [InlineData(0x14, 7u, 9u, 0xfffffffeu)]
    [InlineData(0x24, 0x10000u, 0x10001u, 0x10000u)]
    [InlineData(0x34, 100u, 7u, 14u)]
    [InlineData(0x44, 0x0fu, 0xf0u, 0xffu)]
    [InlineData(0x54, 0x3cu, 0x0fu, 0x0cu)]
    [InlineData(0x64, 1u, 31u, 0x80000000u)]
    [InlineData(0x74, 0x80000000u, 31u, 1u)]
    [InlineData(0xa4, 0xffu, 0x0fu, 0xf0u)]
    public void Arithmetic_has_32_bits(ushort code, uint left, uint right, uint expected)
    {
        Assert.Equal(expected, Run([Step(0x00, left), Step(code, right), Step(0x16)]));
        Assert.Equal(expected, Run([Step(0x01, right), Step(0x00, left), Step((ushort)(code | 8)), Step(0x16)]));
    }

    [Fact]
    public void Dividing_by_a_zero_register_returns_0() =>
        Assert.Equal(0u, Run([Step(0x00, 9), Step(0x01, 0), Step(0x3c), Step(0x06, 77)]));

    [Fact]
    public void A_scratch_word_must_be_written_on_every_path()
    {
        SockFilter[] code =
        [
            new SockFilter { code = 0x15, k = 1, jt = 1, jf = 0 }, Step(0x02, 3), Step(0x60, 3), Step(0x16),
        ];
        Assert.Equal(Errno.EINVAL, BpfProgram.TryCreate(code, out _));
        code[0].jt = 0;
        Assert.Equal(Errno.None, BpfProgram.TryCreate(code, out _));
    }

    private static uint Run(SockFilter[] code)
    {
        Assert.Equal(Errno.None, BpfProgram.TryCreate(code, out BpfProgram? program));
        return program!.Run(new uint[BpfProgram.DataWords]);
    }

    private static SockFilter Step(ushort code, uint k = 0) => new() { code = code, k = k };

    private static SockFilter RandomStep(Random random, int left) => new()
    {
        code = Codes[random.Next(Codes.Length)],
        jt = (byte)random.Next(left + 1),
        jf = (byte)random.Next(left + 1),
        k = random.Next(3) switch
        {
            0 => (uint)random.Next(MaxLength),
            1 => (uint)(random.Next(20) * 4),
            _ => (uint)random.NextInt64(1L << 32),
        },
    };

    private static void FillWords(Random random, uint[] data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = (uint)random.NextInt64(1L << 32);
        }
    }
}
