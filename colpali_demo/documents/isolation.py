"""What a renderer process gives up for good before it reads a file, where the system allows it.

A hole in PDFium, Pillow or poppler lets a file run code of its own in that process. It draws pages, so it needs
neither privileges nor the network, and of the system's calls only those that read files and use memory. All of this is
Linux's: elsewhere nothing is given up. What it is good for, and what is left, stands in SECURITY.md.

Written after the kernel's documentation: userspace-api/no_new_privs, userspace-api/seccomp_filter, namespaces(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

ALL = ("privileges", "network", "calls")

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2  # constants of prctl(2)
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2)
_NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW flag
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CAPABILITY_VERSION = 0x20080522

# Numbers of system calls on x86_64 and on aarch64, where that has them. The process is refused these,
REFUSED = {
    # the network, and other ways to other processes
    **{"socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201)},
    **{"accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269)},
    **{"kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)},
    **{"pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "ptrace": (101, 117)},
    **{"process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "setpriority": (141, 140)},
    # files: deleting, renaming, making and changing them
    **{"unlink": (87, None), "unlinkat": (263, 35), "rmdir": (84, None), "rename": (82, None)},
    **{"renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, None), "mkdirat": (258, 34), "creat": (85, None)},
    **{"link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "truncate": (76, 45)},
    **{"mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53)},
    **{"chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utimensat": (280, 88)},
    **{"setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7)},
    # the kernel: what is administration, or has had holes and draws no page
    **{"unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41)},
    **{"chroot": (161, 51), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    **{"keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "open_by_handle_at": (304, 265)},
    **{"init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104), "reboot": (169, 142)},
}
# these unless it runs poppler's programs,
PROGRAMS = {"execve": (59, 221), "execveat": (322, 281)}
# is told that these do not exist, which libraries then do another way: their flags lie where no filter can look,
UNKNOWN = {"clone3": (435, 435), "openat2": (437, 437)}
# and may call these only with certain arguments.
LIMITED = {"clone": (56, 220), "open": (2, None), "openat": (257, 56), "tgkill": (234, 131)}

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, and AUDIT_ARCH of linux/audit.h
_OTHER_ABI = 0x40000000  # numbers from here on are those of x32


def give_up(*, programs: bool) -> list[str]:
    """Give up whatever this system allows, and return the names of what is gone, of `ALL`.

    To be called while there is one thread. With `programs`, the process may still start others, which inherit this.
    """
    if sys.platform != "linux":
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    done = {
        "network": _leave_network(libc),  # first, for it brings privileges over what is new
        "privileges": _drop_privileges(libc),
        "calls": _filter_calls(libc, programs),
    }
    return [name for name in ALL if done[name]]


def _leave_network(libc: ctypes.CDLL) -> bool:
    """Move into a network without any interface; whether that worked. Containers and some systems forbid it."""
    return any(libc.unshare(flags) == 0 for flags in (_NEW_USER | _NEW_NETWORK, _NEW_NETWORK))


def _drop_privileges(libc: ctypes.CDLL) -> bool:
    """Drop every capability, and gain none by starting programs; whether that worked."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    dropped = libc.capset(header, bytes(24)) == 0
    return libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and dropped


def _filter_calls(libc: ctypes.CDLL, programs: bool) -> bool:
    """Have the kernel refuse system calls; whether that worked."""
    if platform.machine() not in _MACHINES or sys.byteorder != "little" or sys.maxsize < 2**32:
        return False
    code = b"".join(_program(platform.machine(), programs, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    return libc.prctl(_SET_SECCOMP, _FILTER, ctypes.c_char_p(program), 0, 0) == 0


def _program(machine: str, programs: bool, pid: int) -> list[bytes]:
    """Return the filter, in the kernel's classic BPF: one instruction of 8 bytes each."""
    column, architecture = _MACHINES[machine]
    refused = [*REFUSED.values(), *([] if programs else PROGRAMS.values())]
    rules = [_equals(call[column]) for call in refused if call[column] is not None]
    code = [
        _load(4),
        *_unless(_equals(architecture), _kill()),
        _load(0),
        *_when(_at_least(_OTHER_ABI), _error(errno.EPERM)),
        *[instruction for rule in rules for instruction in _when(rule, _error(errno.EPERM))],
    ]
    for call in UNKNOWN.values():
        code += _when(_equals(call[column]), _error(errno.ENOSYS))
    for name, argument, forbidden in (
        ("clone", 0, _has_any(_NEW_NAMESPACES)),
        ("open", 1, _has_any(_WRITING)),
        ("openat", 2, _has_any(_WRITING)),
        ("tgkill", 0, None),
    ):
        number = LIMITED[name][column]
        if number is None:
            continue
        check = [
            _load(16 + 8 * argument),
            # A process may signal itself, as `abort` does.
            *(_when(forbidden, _error(errno.EPERM)) if forbidden else _unless(_equals(pid), _error(errno.EPERM))),
            _allow(),
        ]
        code += [_jump(*_equals(number), 0, len(check)), *check]
    return [*code, _allow()]


def _instruction(code: int, jump_true: int, jump_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, jump_true, jump_false, value)


def _load(offset: int) -> bytes:
    """Load 32 bits of `struct seccomp_data`: the number of the call, the architecture, or half an argument."""
    return _instruction(0x20, 0, 0, offset)


def _equals(value: int) -> tuple[int, int]:
    return 0x15, value


def _at_least(value: int) -> tuple[int, int]:
    return 0x35, value


def _has_any(bits: int) -> tuple[int, int]:
    return 0x45, bits


def _jump(code: int, value: int, jump_true: int, jump_false: int) -> bytes:
    return _instruction(code, jump_true, jump_false, value)


def _when(test: tuple[int, int], then: bytes) -> list[bytes]:
    return [_jump(*test, 0, 1), then]


def _unless(test: tuple[int, int], then: bytes) -> list[bytes]:
    return [_jump(*test, 1, 0), then]


def _allow() -> bytes:
    return _instruction(0x06, 0, 0, 0x7FFF0000)


def _error(number: int) -> bytes:
    return _instruction(0x06, 0, 0, 0x00050000 | number)


def _kill() -> bytes:
    return _instruction(0x06, 0, 0, 0x80000000)
