using Xunit;

// These tests change what a process has once: signal handlers, children, limits. They run one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
