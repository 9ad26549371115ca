#!/usr/bin/env python3
"""Checks of the sources that need no compiler: one word names the check.

    check_style.py format     the layout of .clang-format, by clang-format 14
    check_style.py includes   includes point down, and the pure folders stay pure
    check_style.py shell      shellcheck over every shell script
    check_style.py readmes    every folder of sources has a README.md
    check_style.py size       no source is over 500 lines

Exit codes: 0 conforms, 1 does not, 77 the tool that checks is not installed.
"""

import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77
SOURCE_LINES_MAX = 500

# What each folder may include from the others. tests, bench and tools may look at everything.
MAY_INCLUDE = {
    "wire": {"wire"},
    "core": {"wire", "core"},
    "net": {"wire", "core", "net"},
    "agent": {"wire", "core", "net", "agent"},
    "loadgen": {"wire", "core", "net", "loadgen"},
}

# Time, threads, randomness, sockets and files come from outside into these folders.
PURE = ("wire", "core")
IMPURE = re.compile(
    r"uv\.h|thread|chrono|random|mutex|shared_mutex|condition_variable|future|semaphore|latch|"
    r"barrier|stop_token|fstream|iostream|filesystem|ctime|time\.h|unistd\.h|fcntl\.h|poll\.h|"
    r"pthread\.h|sched\.h|netdb\.h|sys/(?!mman\.h).*|netinet/.*|arpa/.*|concurrentqueue/.*|spdlog/.*"
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def tracked_files():
    """What git tracks; in a tree without git, every file outside the build folders."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return [name for name in names if name and os.path.exists(os.path.join(ROOT, name))]
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith((".", "build", "install"))]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return found


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def cpp_files():
    return [name for name in tracked_files() if name.endswith((".h", ".cc", ".c"))]


def check_format():
    tool = shutil.which("clang-format-14")
    if not tool:
        print("clang-format-14 is not installed")
        return SKIPPED
    run = subprocess.run([tool, "--dry-run", "-Werror", *cpp_files()], cwd=ROOT)
    if run.returncode:
        print("to mend: clang-format-14 -i FILE...")
    return run.returncode


def misplaced_include(name, bracket, header):
    """Why `name` must not include `header`, or None."""
    folder = name.split("/")[0]
    if folder in PURE and IMPURE.fullmatch(header):
        return f"{folder} is pure: <{header}> belongs in net"
    if header.endswith("_generated.h"):
        if not (folder == "wire" and name.endswith(".cc")):
            return "generated headers are for wire/*.cc alone"
        return None
    target = header.split("/")[0]
    # A bare name stands beside its includer: so the SDK's headers find each other once installed.
    if bracket == '"' and "/" in header and folder in MAY_INCLUDE and target not in MAY_INCLUDE[folder]:
        return f"{folder} may include from {', '.join(sorted(MAY_INCLUDE[folder]))} only"
    return None


def check_includes():
    wrong = 0
    for name in cpp_files():
        for bracket, header in INCLUDE.findall(read(name)):
            reason = misplaced_include(name, bracket, header)
            if reason:
                print(f"{name}: {header}: {reason}")
                wrong += 1
    return 1 if wrong else 0


def is_shell(name):
    if name.endswith((".sh", ".bash")):
        return True
    if "." in os.path.basename(name) and not name.startswith(".ci/"):
        return False
    with open(os.path.join(ROOT, name), "rb") as file:
        return re.match(rb"#!.*\b(ba)?sh\b", file.readline()) is not None


def check_shell():
    tool = shutil.which("shellcheck")
    if not tool:
        print("shellcheck is not installed")
        return SKIPPED
    scripts = [name for name in tracked_files() if is_shell(name)]
    return subprocess.run([tool, "-x", "-s", "bash", *scripts], cwd=ROOT).returncode


def check_readmes():
    files = set(tracked_files())
    folders = {os.path.dirname(name) for name in cpp_files()}
    # tests mirrors the source folders; tests/README.md speaks for all of those.
    tops = {folder.split("/")[0] for folder in folders}
    mirrored = {f for f in folders if f.startswith("tests/") and f.split("/")[1] in tops}
    wrong = [f for f in sorted(folders - mirrored) if f"{f}/README.md" not in files]
    for folder in wrong:
        print(f"{folder}: no README.md (purpose, types in reading order, what it must never do)")
    return 1 if wrong else 0


def check_size():
    wrong = 0
    for name in cpp_files():
        lines = read(name).count("\n")
        if lines > SOURCE_LINES_MAX:
            print(f"{name}: {lines} lines; {SOURCE_LINES_MAX} are the limit for one idea")
            wrong += 1
    return 1 if wrong else 0


CHECKS = {
    "format": check_format,
    "includes": check_includes,
    "shell": check_shell,
    "readmes": check_readmes,
    "size": check_size,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(CHECKS[sys.argv[1]]())
