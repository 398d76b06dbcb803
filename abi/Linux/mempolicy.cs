namespace Abi.Linux;

/// <summary>set_mempolicy(2), mbind(2).</summary>
[CHeader("linux/mempolicy.h")]
public static class Mempolicy
{
    public const int MPOL_F_STATIC_NODES = 0x8000;
    public const int MPOL_F_RELATIVE_NODES = 0x4000;
    public const int MPOL_F_NUMA_BALANCING = 0x2000;
    public const int MPOL_MODE_FLAGS = 0xe000;
    public const int MPOL_USER_NODEMASK_FLAGS = 0xc000;
    public const int MPOL_F_NODE = 1;
    public const int MPOL_F_ADDR = 2;
    public const int MPOL_F_MEMS_ALLOWED = 4;
    public const int MPOL_MF_STRICT = 1;
    public const int MPOL_MF_MOVE = 2;
    public const int MPOL_MF_MOVE_ALL = 4;
    public const int MPOL_MF_LAZY = 8;
    public const int MPOL_DEFAULT = 0;
    public const int MPOL_PREFERRED = 1;
    public const int MPOL_BIND = 2;
    public const int MPOL_INTERLEAVE = 3;
    public const int MPOL_LOCAL = 4;
    public const int MPOL_PREFERRED_MANY = 5;
    public const int MPOL_WEIGHTED_INTERLEAVE = 6;
}
