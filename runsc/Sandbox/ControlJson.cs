using System.Text.Json.Serialization;

namespace Runsc.Sandbox;

/// <summary>Serializer of what passes between the project's own processes.</summary>
[JsonSerializable(typeof(SandboxSpec))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(Containers.HookOrder))]
internal sealed partial class ControlJson : JsonSerializerContext
{
}
