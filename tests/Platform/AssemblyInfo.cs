using Xunit;

// Tests count the process's descriptors and children.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
