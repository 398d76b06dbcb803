namespace Abi.Linux;

/// <summary>Special keyrings and operations of keyctl(2).</summary>
[CHeader("linux/keyctl.h")]
public static class Keyctl
{
    // Keyrings.
    public const int KEY_SPEC_THREAD_KEYRING = -1;
    public const int KEY_SPEC_PROCESS_KEYRING = -2;
    public const int KEY_SPEC_SESSION_KEYRING = -3;
    public const int KEY_SPEC_USER_KEYRING = -4;
    public const int KEY_SPEC_USER_SESSION_KEYRING = -5;
    public const int KEY_SPEC_GROUP_KEYRING = -6;
    public const int KEY_SPEC_REQKEY_AUTH_KEY = -7;
    public const int KEY_SPEC_REQUESTOR_KEYRING = -8;
    public const int KEY_REQKEY_DEFL_NO_CHANGE = -1;
    public const int KEY_REQKEY_DEFL_DEFAULT = 0;
    public const int KEY_REQKEY_DEFL_THREAD_KEYRING = 1;
    public const int KEY_REQKEY_DEFL_PROCESS_KEYRING = 2;
    public const int KEY_REQKEY_DEFL_SESSION_KEYRING = 3;
    public const int KEY_REQKEY_DEFL_USER_KEYRING = 4;
    public const int KEY_REQKEY_DEFL_USER_SESSION_KEYRING = 5;
    public const int KEY_REQKEY_DEFL_GROUP_KEYRING = 6;
    public const int KEY_REQKEY_DEFL_REQUESTOR_KEYRING = 7;

    // Operations.
    public const int KEYCTL_GET_KEYRING_ID = 0;
    public const int KEYCTL_JOIN_SESSION_KEYRING = 1;
    public const int KEYCTL_UPDATE = 2;
    public const int KEYCTL_REVOKE = 3;
    public const int KEYCTL_CHOWN = 4;
    public const int KEYCTL_SETPERM = 5;
    public const int KEYCTL_DESCRIBE = 6;
    public const int KEYCTL_CLEAR = 7;
    public const int KEYCTL_LINK = 8;
    public const int KEYCTL_UNLINK = 9;
    public const int KEYCTL_SEARCH = 10;
    public const int KEYCTL_READ = 11;
    public const int KEYCTL_INSTANTIATE = 12;
    public const int KEYCTL_NEGATE = 13;
    public const int KEYCTL_SET_REQKEY_KEYRING = 14;
    public const int KEYCTL_SET_TIMEOUT = 15;
    public const int KEYCTL_ASSUME_AUTHORITY = 16;
    public const int KEYCTL_GET_SECURITY = 17;
    public const int KEYCTL_SESSION_TO_PARENT = 18;
    public const int KEYCTL_REJECT = 19;
    public const int KEYCTL_INSTANTIATE_IOV = 20;
    public const int KEYCTL_INVALIDATE = 21;
    public const int KEYCTL_GET_PERSISTENT = 22;
    public const int KEYCTL_DH_COMPUTE = 23;
    public const int KEYCTL_PKEY_QUERY = 24;
    public const int KEYCTL_PKEY_ENCRYPT = 25;
    public const int KEYCTL_PKEY_DECRYPT = 26;
    public const int KEYCTL_PKEY_SIGN = 27;
    public const int KEYCTL_PKEY_VERIFY = 28;
    public const int KEYCTL_RESTRICT_KEYRING = 29;
    public const int KEYCTL_MOVE = 30;
    public const int KEYCTL_CAPABILITIES = 31;
    public const int KEYCTL_WATCH_KEY = 32;

    // Flags.
    public const int KEYCTL_SUPPORTS_ENCRYPT = 0x01;
    public const int KEYCTL_SUPPORTS_DECRYPT = 0x02;
    public const int KEYCTL_SUPPORTS_SIGN = 0x04;
    public const int KEYCTL_SUPPORTS_VERIFY = 0x08;
    public const int KEYCTL_MOVE_EXCL = 0x00000001;
    public const int KEYCTL_CAPS0_CAPABILITIES = 0x01;
    public const int KEYCTL_CAPS0_PERSISTENT_KEYRINGS = 0x02;
    public const int KEYCTL_CAPS0_DIFFIE_HELLMAN = 0x04;
    public const int KEYCTL_CAPS0_PUBLIC_KEY = 0x08;
    public const int KEYCTL_CAPS0_BIG_KEY = 0x10;
    public const int KEYCTL_CAPS0_INVALIDATE = 0x20;
    public const int KEYCTL_CAPS0_RESTRICT_KEYRING = 0x40;
    public const int KEYCTL_CAPS0_MOVE = 0x80;
    public const int KEYCTL_CAPS1_NS_KEYRING_NAME = 0x01;
    public const int KEYCTL_CAPS1_NS_KEY_TAG = 0x02;
    public const int KEYCTL_CAPS1_NOTIFICATIONS = 0x04;
}
