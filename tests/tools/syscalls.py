"""Makes system calls that no ordinary program makes, one after the other, in one process.

    syscalls.py '[["fsopen", "tmpfs", 1], ["fsconfig", "$0", 6, null, null, 0], ...]'

Each step is a name and its arguments: numbers, strings, null, or "$N" for the result of step N. Prints the results as
a JSON array: a number, or the error's name.
"""

import ctypes
import errno
import json
import platform
import sys

X86_64 = {"openat": 257, "mount": 165, "init_module": 175, "delete_module": 176, "finit_module": 313}
AARCH64 = {"openat": 56, "mount": 40, "init_module": 105, "delete_module": 106, "finit_module": 273}
NUMBERS = {
    "pidfd_send_signal": 424,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    **(X86_64 if platform.machine() == "x86_64" else AARCH64),
}

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
results = []


def argument(value):
    if isinstance(value, str) and value.startswith("$"):
        value = results[int(value[1:])]
        # A step that failed gives no descriptor.
        return ctypes.c_long(value if isinstance(value, int) else -1)
    if isinstance(value, str):
        return ctypes.c_char_p(value.encode())
    return ctypes.c_long(value or 0)


for name, *arguments in json.loads(sys.argv[1]):
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *map(argument, arguments))
    results.append(errno.errorcode[ctypes.get_errno()] if result == -1 else result)
print(json.dumps(results))
