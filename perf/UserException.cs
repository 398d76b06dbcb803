using System;

namespace Perf;

/// <summary>Something the caller can mend: printed as one line, without a trace.</summary>
internal sealed class UserException(string message) : Exception(message);
