#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that the layers of the source tree depend downwards only and that the pure ones are pure.

    check_layers.py [--root DIR] [--build DIR] [--nm NM]    include lines, words, symbols
    check_layers.py --self-test                             plant each violation, see it found

    base <- proto <- core <- conf, rt, svc <- worker        rt and svc never see each other;
    the guard sees base, core/guardpol and its own files    tools and tests may see everything

Without --build the object files are not looked at. Each finding is one line "file:line: what";
exit status 1 if there is one.
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PURE = ("base", "proto", "core")

# layer -> layers that it may include, itself among them
MAY_INCLUDE = {
    "base": {"base"},
    "proto": {"proto", "base"},
    "core": {"core", "proto", "base"},
    "conf": {"conf", "core", "proto", "base"},
    "rt": {"rt", "core", "proto", "base"},
    "svc": {"svc", "core", "proto", "base"},
    "worker": {"worker", "conf", "rt", "svc", "core", "proto", "base"},
}

# What only reports: what decides must not see it.
REPORT = re.compile(r"^core/echo\.h$")
REPORT_USER = re.compile(r"^(include|src)/(svc|conf)/|^src/worker|^(include|src)/core/echo\.[ch]$|"
                         r"^t(ools|ests)/")

# The files that are linked into the guard and what they may include of this project.
GUARD_FILE = re.compile(r"^(include/)?rt/(guard|jkpylond|report|line|relay|watchdog|shared|state)"
                        r"[a-z0-9_]*\.[ch]$")
GUARD_MAY = re.compile(r"^(base/[a-z0-9_]+|core/(guardpol[a-z0-9_]*|telemetry)|"
                       r"rt/(clock|report|line|relay|watchdog|guard|shared|state)[a-z0-9_]*)\.h$")

# Headers of the C library that a pure file may use: none of them reaches the system.
PURE_SYSTEM = {"stdint.h", "stdbool.h", "stddef.h", "stdatomic.h", "string.h", "assert.h",
               "errno.h", "limits.h", "inttypes.h", "stdalign.h"}
# The one pure file that formats text.
FORMATTING_FILE = "src/base/event.c"
FORMATTING_SYSTEM = {"stdio.h", "stdarg.h"}

# Libraries and the only files that may use them.
LIBRARY = [
    (re.compile(r"^gpiod\.h$"), re.compile(r"^rt/line_(list_)?gpiod|^tools/")),
    (re.compile(r"^ini\.h$"), re.compile(r"^src/conf/")),
    (re.compile(r"^modbus"), re.compile(r"^src/svc/solis_line\.")),
    (re.compile(r"^libsocketcan\.h$"), re.compile(r"^rt/can|^tools/")),
    (re.compile(r"^openssl/"), re.compile(r"^src/svc/mqtt_inlet\.")),
    (re.compile(r"^(mosquitto|curl/|cjson/|cJSON)"), re.compile(r"^src/svc/|^tools/|^src/worker")),
]

ALLOWED_SYMBOL = re.compile(
    r"^(mem(cpy|move|set|cmp|chr)|bcmp|str(n?len|n?cmp|r?chr)"
    r"|__(mem(cpy|move|set)|str(n?len))_chk"
    r"|__assert_fail|_GLOBAL_OFFSET_TABLE_"
    r"|__stack_chk_(fail|guard)(_local)?"
    r"|__aeabi_[a-z0-9_]+"
    r"|__(asan|ubsan|tsan|msan|sanitizer|sancov|gcov|llvm|start_|stop_)[A-Za-z0-9_]*"
    r"|_?_?tsan_[a-z0-9_]+)$")
FORMATTING_SYMBOL = re.compile(r"^(v?snprintf|__v?snprintf_chk)$")
WRITABLE = re.compile(r"^(\.t?data|\.t?bss|\*COM\*)")
READ_ONLY_AFTER_LINK = re.compile(r"^\.data\.rel\.ro")
INSTRUMENTED = re.compile(r"^(__(asan|ubsan|tsan|sanitizer|gcov|llvm)|llvm_gcov|__sanc)")

FORBIDDEN = re.compile(
    r"\b(atoi|atol|strtol|v?sprintf|strcpy|strcat|gets|alloca|system)\s*\(")
PRINTF = re.compile(r"\b(printf|vprintf|puts|putchar)\s*\(")
FLOAT = re.compile(r"\b(float|double)\b")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SPDX = "SPDX-License-Identifier: Apache-2.0"
SPDX_WITHIN = 3

# Comments and the content of strings become blanks; line breaks stay.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def source_files(root):
    """Paths relative to root of what git knows or would add; of everything outside a clone."""
    try:
        out = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
            check=True, capture_output=True).stdout.decode()
        top = subprocess.run(["git", "-C", str(root), "rev-parse", "--show-toplevel"],
                             check=True, capture_output=True).stdout.decode().strip()
        if pathlib.Path(top).resolve() == root.resolve():
            return sorted(f for f in out.split("\0") if f and (root / f).is_file())
    except (OSError, subprocess.CalledProcessError):
        pass
    return sorted(str(p.relative_to(root)) for p in root.rglob("*")
                  if p.is_file() and "build" not in p.relative_to(root).parts[:1]
                  and ".git" not in p.relative_to(root).parts)


def layer_of(path):
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] == "include" and len(parts) > 2:
        return parts[1]
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else "worker"
    return parts[0]


def is_code(path):
    return path.endswith((".c", ".h"))


def is_script(root, path):
    if path.endswith((".py", ".sh")):
        return True
    with open(root / path, "rb") as f:
        return f.read(2) == b"#!"


Symbol = collections.namedtuple("Symbol", "member name kind section")


def read_symbols(archive, nm):
    out = subprocess.run([nm, "-A", "-f", "sysv", str(archive)], check=True,
                         capture_output=True).stdout.decode()
    for line in out.splitlines():
        columns = [c.strip() for c in line.split("|")]
        if len(columns) == 7:
            _, member, name = columns[0].rsplit(":", 2)
            yield Symbol(member, name.strip(), columns[2], columns[6])


class Checker:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.files = source_files(root)

    def report(self, path, line, text):
        self.found.append(f"{path}:{line}: {text}")

    def resolve(self, path, name):
        """An include line in quotes -> path of the header below root, as the compiler finds it."""
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if (self.root / beside).is_file():
            return beside
        if (self.root / "include" / name).is_file():
            return os.path.join("include", name)
        if (self.root / name).is_file():
            return name
        return None

    def check_own_include(self, path, number, name):
        target = self.resolve(path, name)
        if target is None:
            # Generated, or given by include path: judged by what its name says.
            target = os.path.join("include", name)
        layer, wanted = layer_of(path), layer_of(target)
        if REPORT.match(re.sub(r"^(include|src)/", "", target)) and not REPORT_USER.match(path):
            self.report(path, number, f'include "{name}": a report decides nothing')
        if layer in MAY_INCLUDE and wanted not in MAY_INCLUDE[layer]:
            self.report(path, number, f'include "{name}": {layer} must not see {wanted}')
        elif GUARD_FILE.match(path):
            logical = re.sub(r"^(include|src)/", "", target)
            if not GUARD_MAY.match(logical):
                self.report(path, number, f'include "{name}": not for a file of the guard')

    def check_system_include(self, path, number, name):
        layer = layer_of(path)
        if layer in PURE:
            allowed = PURE_SYSTEM
            if path == FORMATTING_FILE:
                allowed = PURE_SYSTEM | FORMATTING_SYSTEM
            if name not in allowed:
                self.report(path, number, f"include <{name}>: not for the pure layer {layer}")
        for header, users in LIBRARY:
            if header.match(name) and layer != "tests" and not users.match(path):
                self.report(path, number, f"include <{name}>: this file must not use the library")

    def check_code(self, path, text):
        layer = layer_of(path)
        bare = TOKEN.sub(blank, text)
        for number, (line, raw) in enumerate(zip(bare.split("\n"), text.split("\n")), 1):
            # The name of a header is a string, so it is read from the raw line.
            match = INCLUDE.match(raw) if INCLUDE.match(line) or '#' in line else None
            if match and match.group(1):
                self.check_own_include(path, number, match.group(1))
            elif match:
                self.check_system_include(path, number, match.group(2))
            word = FORBIDDEN.search(line)
            if word:
                self.report(path, number, f"{word.group(1)}() is forbidden")
            word = PRINTF.search(line)
            if word and layer not in ("tools", "tests"):
                self.report(path, number, f"{word.group(1)}() belongs to tools and tests")
            word = FLOAT.search(line)
            if word and layer in PURE:
                self.report(path, number, f"{word.group(1)} in the pure layer {layer}")

    def check_text(self):
        for path in self.files:
            code = is_code(path)
            if not code and not is_script(self.root, path):
                continue
            text = (self.root / path).read_text(encoding="utf-8", errors="replace")
            if SPDX not in "\n".join(text.split("\n")[:SPDX_WITHIN]):
                self.report(path, 1, f"no line {SPDX}")
            if path != "tests/system/check_layers.py":
                for number, line in enumerate(text.split("\n"), 1):
                    word = UNFINISHED.search(line)
                    if word:
                        self.report(path, number, f"{word.group(1)} left")
            if code:
                self.check_code(path, text)

    def check_symbols(self, build, nm):
        """Undefined symbols of a pure library must lie in it, below it, or on the list."""
        below = set()
        for layer in PURE:
            archives = sorted(build.rglob(f"libjkp_{layer}.a"))
            if not archives:
                self.report(str(build), 0, f"libjkp_{layer}.a is not built")
                continue
            symbols = list(read_symbols(archives[0], nm))
            undefined = {(s.member, s.name) for s in symbols if s.kind in "Uwv"}
            below |= {s.name for s in symbols if s.kind in "TDRBVWC"}
            for member, name in sorted(undefined):
                formats = f"src/{layer}/{member.removesuffix('.o')}" == FORMATTING_FILE
                if not (name in below or ALLOWED_SYMBOL.match(name)
                        or (formats and FORMATTING_SYMBOL.match(name))):
                    self.report(f"{archives[0].name}({member})", 0,
                                f"symbol {name}: the pure layer {layer} must not need it")
            # Instrumentation brings counters of its own into every object.
            if any(INSTRUMENTED.match(name) for _, name in undefined):
                continue
            for s in symbols:
                if WRITABLE.match(s.section) and not READ_ONLY_AFTER_LINK.match(s.section):
                    self.report(f"{archives[0].name}({s.member})", 0,
                                f"symbol {s.name}: hidden state in the pure layer {layer}")

def check(root, build=None, nm="nm"):
    checker = Checker(root)
    checker.check_text()
    if build:
        checker.check_symbols(build, nm)
    return checker.found


# ---- self-test -------------------------------------------------------------------------------

HEAD = f"/* {SPDX} */\n"

CLEAN = {
    "include/base/a.h": HEAD + "#include <stdint.h>\nint a_do(int v);\n",
    "include/proto/b.h": HEAD + '#include "base/a.h"\nint b_do(int v);\n',
    "include/core/c.h": HEAD + '#include "proto/b.h"\nint c_do(int v);\n',
    "include/core/guardpol.h": HEAD + '#include "base/a.h"\n',
    "include/conf/conf.h": HEAD + '#include "core/c.h"\n',
    "include/rt/can.h": HEAD + '#include "core/c.h"\n',
    "include/rt/relay.h": HEAD + "#include <stdbool.h>\n",
    "include/svc/mqtt.h": HEAD + '#include "core/c.h"\n',
    "src/base/a.c": HEAD + '#include "base/a.h"\n/* no float, no atoi( */\n'
                           "const char *const a_name[] = {\"a\"};\n"
                           "int a_do(int v) { return v; }\n",
    "src/base/event.c": HEAD + "#include <stdio.h>\nint event_do(char *t, int v);\n"
                               'int event_do(char *t, int v) { return snprintf(t, 9, "%d", v); }\n',
    "src/proto/b.c": HEAD + '#include "proto/b.h"\n#include "local.h"\n'
                            "int b_do(int v) { return a_do(v); }\n",
    "src/proto/local.h": HEAD + "#include <stddef.h>\n",
    "src/core/priv.h": HEAD,
    "src/core/c.c": HEAD + '#include "core/c.h"\n#include <string.h>\n'
                           "int c_do(int v) { int w; memcpy(&w, &v, sizeof(w)); return b_do(w); }\n",
    "src/svc/mqtt.c": HEAD + '#include "svc/mqtt.h"\n#include <mosquitto.h>\n',
    "src/conf/conf.c": HEAD + '#include "conf/conf.h"\n#include <ini.h>\n',
    "src/worker.h": HEAD,
    "src/worker.c": HEAD + '#include "worker.h"\n'
                    '#include "rt/can.h"\n#include "svc/mqtt.h"\n#include "conf/conf.h"\n',
    "rt/can.c": HEAD + '#include "rt/can.h"\n#include <libsocketcan.h>\n',
    "rt/line.c": HEAD + '#include "line_gpio.h"\n',
    "rt/line_gpio.h": HEAD + "#include <errno.h>\n",
    "rt/line_gpiod1.c": HEAD + '#include "line_gpio.h"\n#include <gpiod.h>\n',
    "rt/guard.c": HEAD + '#include "rt/relay.h"\n#include "core/guardpol.h"\n'
                         "#include <unistd.h>\n",
    "tools/show.c": HEAD + '#include "rt/can.h"\nint printf(const char *f, ...);\n'
                           'int show(void); int show(void) { return printf("strcpy(") ; }\n',
    "tools/run": f"#!/bin/sh\n# {SPDX}\n",
}

# what is planted: (file, line added to it or new content, part of the finding that must appear)
PLANTED = [
    ("include/base/a.h", '#include "proto/b.h"', "base must not see proto"),
    ("src/base/a.c", '#include "core/c.h"', "base must not see core"),
    ("src/proto/b.c", '#include "core/c.h"', "proto must not see core"),
    ("src/proto/b.c", '#include "../core/priv.h"', "proto must not see core"),
    ("src/core/c.c", '#include "conf/conf.h"', "core must not see conf"),
    ("include/core/c.h", '#include "rt/can.h"', "core must not see rt"),
    ("src/core/c.c", '#include "svc/mqtt.h"', "core must not see svc"),
    ("rt/can.c", '#include "svc/mqtt.h"', "rt must not see svc"),
    ("rt/can.c", '#include "conf/conf.h"', "rt must not see conf"),
    ("src/svc/mqtt.c", '#include "rt/can.h"', "svc must not see rt"),
    ("src/svc/mqtt.c", '#include "../worker.h"', "svc must not see worker"),
    ("src/conf/conf.c", '#include "svc/mqtt.h"', "conf must not see svc"),
    ("rt/guard.c", '#include "rt/can.h"', "not for a file of the guard"),
    ("rt/guard.c", '#include "proto/b.h"', "not for a file of the guard"),
    ("include/rt/relay.h", '#include "core/c.h"', "not for a file of the guard"),
    ("src/core/c.c", "#include <time.h>", "not for the pure layer core"),
    ("src/core/c.c", "  #  include <unistd.h>", "not for the pure layer core"),
    ("src/proto/b.c", "#include <stdio.h>", "not for the pure layer proto"),
    ("rt/can.c", "#include <mosquitto.h>", "must not use the library"),
    ("rt/can.c", "#include <curl/curl.h>", "must not use the library"),
    ("src/svc/mqtt.c", "#include <gpiod.h>", "must not use the library"),
    ("rt/line.c", "#include <gpiod.h>", "must not use the library"),
    ("rt/line.c", '#include "rt/can.h"', "not for a file of the guard"),
    ("src/svc/mqtt.c", "#include <modbus/modbus.h>", "must not use the library"),
    ("src/core/c.c", '#include "core/echo.h"', "a report decides nothing"),
    ("rt/can.c", '#include "core/echo.h"', "a report decides nothing"),
    ("src/core/c.c", "static const float f = 1;", "float in the pure layer core"),
    ("include/base/a.h", "double d(void);", "double in the pure layer base"),
    ("src/svc/mqtt.c", "int x(void) { return atoi(p); }", "atoi() is forbidden"),
    ("rt/can.c", "int x(void) { return strtol(p, 0, 0); }", "strtol() is forbidden"),
    ("tools/show.c", "int x(void) { sprintf(p, q); }", "sprintf() is forbidden"),
    ("tools/show.c", "int x(void) { strcpy (p, q); }", "strcpy() is forbidden"),
    ("src/conf/conf.c", "int x(void) { gets(p); }", "gets() is forbidden"),
    ("rt/can.c", "int x(void) { alloca(9); }", "alloca() is forbidden"),
    ("rt/guard.c", 'int x(void) { return system("true"); }', "system() is forbidden"),
    ("src/svc/mqtt.c", 'int x(void) { printf("x"); }', "printf() belongs to tools and tests"),
    ("rt/can.c", "/* TO" "DO: later */", "TO" "DO left"),
    ("src/svc/new.c", None, "no line SPDX"),
    ("tools/run2", None, "no line SPDX"),
]

# (file, code added, part of the finding): seen in the object files only
PLANTED_SYMBOLS = [
    ("src/core/c.c", "void *malloc(unsigned long); void *x(void); void *x(void) { return malloc(3); }",
     "symbol malloc: the pure layer core"),
    ("src/proto/b.c", "int write(int, char *, int); int x(void); int x(void) { return write(1, 0, 0); }",
     "symbol write: the pure layer proto"),
    ("src/base/a.c", "int b_do(int); int x(void); int x(void) { return b_do(1); }",
     "symbol b_do: the pure layer base"),
    ("src/core/c.c", "int snprintf(char *, unsigned long, const char *, ...); int x(char *);"
                     'int x(char *t) { return snprintf(t, 3, "%d", (int)t[0]); }',
     "symbol snprintf: the pure layer core"),
    ("src/core/c.c", "int x(void); int x(void) { static int n; return n++; }",
     "hidden state in the pure layer core"),
    ("src/base/a.c", "int seen = 3;", "symbol seen: hidden state in the pure layer base"),
    ("src/base/a.c", "__thread int seen;", "symbol seen: hidden state in the pure layer base"),
]


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def build_tree(root):
    """Compile the pure files of root into archives and return the folder that holds them."""
    cc, ar = os.environ.get("CC", "cc"), os.environ.get("AR", "ar")
    build = root / "build"
    build.mkdir()
    for layer in PURE:
        objects = []
        for source in sorted((root / "src" / layer).glob("*.c")):
            objects.append(str(build / (source.name + ".o")))
            subprocess.run([cc, "-O0", "-w", "-fPIC", "-I", str(root / "include"), "-c", str(source),
                            "-o", objects[-1]], check=True)
        subprocess.run([ar, "rcs", str(build / f"libjkp_{layer}.a"), *objects], check=True)
    return build


def self_test():
    failed = 0

    def judge(ok, text):
        nonlocal failed
        failed += 0 if ok else 1
        print(("ok      " if ok else "NOT OK  ") + text)

    def in_tree(name, line, symbols):
        with tempfile.TemporaryDirectory() as tmp:
            root = pathlib.Path(tmp)
            files = dict(CLEAN)
            if name and line is None:
                files[name] = "#!/bin/sh\n" if "." not in name else "int nothing;\n"
            elif name:
                files[name] = files[name] + line + "\n"
            write_tree(root, files)
            return check(root, build_tree(root) if symbols else None)

    clean = in_tree(None, None, shutil.which("cc") is not None)
    judge(not clean, "clean tree has no finding" + "".join("\n    " + f for f in clean))
    for name, line, expected in PLANTED:
        found = in_tree(name, line, False)
        hit = [f for f in found if expected in f and f.startswith(name + ":")]
        judge(bool(hit) and len(found) == len(hit), f"{name}: {expected}")
    for name, line, expected in PLANTED_SYMBOLS:
        found = in_tree(name, line, True)
        judge(any(expected in f for f in found), f"{name}: {expected}")
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        write_tree(root, CLEAN)
        (root / "build").mkdir()
        judge(any("is not built" in f for f in check(root, root / "build")),
              "a build without the libraries is a finding")
    print(f"{failed} of the self-test's cases failed" if failed else "self-test passed")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=pathlib.Path, help="build folder with the pure libraries")
    parser.add_argument("--nm", default="nm", help="nm of the compiler that built them")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    found = check(args.root, args.build, args.nm)
    for line in found:
        print(line)
    print(f"{len(found)} findings" if found else "layers are clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
