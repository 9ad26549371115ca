#pragma once

namespace berth::agent {

/// What neither a sandboxed task nor one in a container may ask of the kernel: to change the
/// machine, to look into other processes, to make further namespaces, and what has often been the
/// way out.
inline constexpr const char* kRefusedCalls[] = {
    "acct",
    "add_key",
    "bpf",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "setdomainname",
    "sethostname",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "syslog",
    "umount",
    "umount2",
    "unshare",
    "userfaultfd",
    "vhangup",
};

/// The flags with which `clone` makes a namespace. clone3, which hides its flags from a filter, is
/// answered ENOSYS, and libraries then use clone.
inline constexpr unsigned long long kNamespaceFlags[] = {
    0x10000000,  // CLONE_NEWUSER
    0x00020000,  // CLONE_NEWNS
    0x20000000,  // CLONE_NEWPID
    0x40000000,  // CLONE_NEWNET
    0x08000000,  // CLONE_NEWIPC
    0x04000000,  // CLONE_NEWUTS
    0x02000000,  // CLONE_NEWCGROUP
};

}  // namespace berth::agent
