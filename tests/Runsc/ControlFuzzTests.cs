using System;
using System.Text;
using Runsc.Boot;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>What clients may send to a running Sentry.</summary>
public sealed class ControlFuzzTests
{
    private const string Process = "{\"Args\":[\"sh\"],\"Environment\":[\"A=b\"],\"WorkingDirectory\":\"/\"}";

    private static SandboxSpec? Parse(string text) => ProcessDocument.Parse(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void A_process_is_described_by_its_words() => Assert.Equal(["sh"], Parse(Process)!.Args);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"Args\":[],\"WorkingDirectory\":\"/\"}")]
    [InlineData("{\"Args\":null,\"WorkingDirectory\":\"/\"}")]
    [InlineData("{\"Args\":[null],\"WorkingDirectory\":\"/\"}")]
    [InlineData("{\"Args\":[\"a\\u0000b\"],\"WorkingDirectory\":\"/\"}")]
    [InlineData("{\"Args\":[\"a\"],\"WorkingDirectory\":\"relative\"}")]
    [InlineData("{\"Args\":[\"a\"],\"WorkingDirectory\":\"/\",\"Environment\":[null]}")]
    [InlineData("{\"Args\":[\"a\"],\"WorkingDirectory\":\"/\",\"Environment\":null}")]
    [InlineData("{\"Args\":[\"a\"],\"WorkingDirectory\":\"/\",\"Limits\":[{\"Resource\":16}]}")]
    [InlineData("{\"Args\":[\"a\"],\"WorkingDirectory\":\"/\",\"Limits\":[null]}")]
    public void What_is_no_process_is_refused(string text) => Assert.Null(Parse(text));

    [Fact]
    public void Damaged_packets_are_refused_or_read_and_nothing_else()
    {
        const int Rounds = 20000;
        const int Seed = 5;
        Random random = new(Seed);
        byte[] process = Encoding.UTF8.GetBytes(Process);
        byte[] request = Encoding.UTF8.GetBytes("{\"Kind\":2,\"Number\":9,\"Pid\":1,\"Rows\":5,\"Columns\":6}");
        int read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = (byte[])(round % 2 == 0 ? process : request).Clone();
            int changes = random.Next(3);
            for (int i = 0; i < changes; i++)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            read += ControlFuzz.Run(bytes.AsSpan(0, random.Next(2) == 0 ? bytes.Length : random.Next(bytes.Length)))
                ? 1 : 0;
        }

        Assert.InRange(read, Rounds / 10, Rounds);
    }
}
