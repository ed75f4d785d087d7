#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# jkpylon-canview against logs, a bench bus, a terminal and everything that can be wrong.
# usage: test_canview.sh PATH_OF_CANVIEW SOURCE_DIR
set -u

canview=$1
logs=$2/tests/replay/can
dir=$(mktemp -d) || exit 1
failures=0

cleanup() {
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# same TITLE: stdin must be what $dir/out holds
same() {
	cat >"$dir/want"
	if ! diff -u "$dir/want" "$dir/out"; then
		fail "$1"
	fi
}

# run CODE ARGS...: output in $dir/out, messages in $dir/err
run() {
	want=$1
	shift
	"$canview" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	if [ "$code" -ne "$want" ]; then
		fail "canview $*: exit $code, expected $want"
		cat "$dir/err"
	fi
}

# says PATTERN: the message names it
says() {
	if ! grep -Eq -- "$1" "$dir/err"; then
		fail "no message like '$1' but:"
		cat "$dir/err"
	fi
}

run 0 -n 7 --summary "$logs/pylontech-1.2.log"
same "a genuine V1.2 set in words" <<'END'
      0.000000  0x359  00 00 00 00 04 50 4E     no alarm; 4 modules
      0.010000  0x351  14 02 B0 04 40 06 C2 01  CVL 53.2 V  CCL 120.0 A  DCL 160.0 A  DVL 45.0 V
      0.020000  0x355  5A 00 64 00              SoC 90 %  SoH 100 %
      0.030000  0x356  84 13 F1 FF 37 00        voltage 49.96 V  current -1.5 A  temperature 5.5 C
      0.040000  0x35C  C0 00                    charge on, discharge on
      0.050000  0x35E  50 59 4C 4F 4E 20 20 20  name "PYLON   "
      0.500000  0x305  00 00 00 00 00 00 00 00  alive

id           frames    mean ms     min ms     max ms  newest frame
0x305             1          -          -          -  alive
0x351             1          -          -          -  CVL 53.2 V  CCL 120.0 A  DCL 160.0 A  DVL 45.0 V
0x355             1          -          -          -  SoC 90 %  SoH 100 %
0x356             1          -          -          -  voltage 49.96 V  current -1.5 A  temperature 5.5 C
0x359             1          -          -          -  no alarm; 4 modules
0x35C             1          -          -          -  charge on, discharge on
0x35E             1          -          -          -  name "PYLON   "
END

run 0 "$logs/pylontech-1.3.log"
same "a genuine V1.3 set without times in words" <<'END'
             -  0x351  10 02 C0 12 C0 12 C2 01  CVL 52.8 V  CCL 480.0 A  DCL 480.0 A  DVL 45.0 V
             -  0x355  54 00 60 00 00 00        SoC 84 %  SoH 96 %
             -  0x356  7B 13 E9 FE 6B 01        voltage 49.87 V  current -27.9 A  temperature 36.3 C
             -  0x35A  00 00 00 00 00 00 00 00  no alarm
             -  0x35E  50 59 4C 4F 4E 20 20 20  name "PYLON   "
             -  0x35F  4C 49 01 03 3C 02 AA 00  capacity 572 Ah  type 4C49  version 1.3
END

run 0 "$logs/mixed.log"
same "every form of line and every kind of frame" <<'END'
      0.000000  0x359  00 00 00 00 01 4E 50     no alarm; 1 module; not "PN" at the end
      0.010000  0x359  92 09 84 08 01 50 4E     PROTECTION high voltage, low temperature, discharge over-current, charge over-current, system error; warning low voltage, discharge over-current, communication failure; 1 module
      0.020000  0x359  61 00 00 00 01 50 4E     undefined bits 0x61; 1 module
      0.030000  0x351  14 02 50 02 C8 05        CVL 53.2 V  CCL 59.2 A  DCL 148.0 A
      0.040000  0x351  14 02 50 02              too short: 4 bytes
      0.050000  0x35C  B8                       charge on, discharge OFF, force charge 1, force charge 2, full charge wanted
      0.060000  0x35C  00 01                    charge OFF, discharge OFF, undefined bits 0x100
      0.070000  0x35A  05 00 00 01 00 00 00 40  PROTECTION high voltage; undefined bits 0x80001001
      0.080000  0x35F  4C 49 01 03 3C 02 AA 00  capacity 572 Ah  type 4C49  version 1.3
      0.090000  0x305  21 00 00 00 00 00 00 00  alive, counter 33
      0.100000  0x35E  42 59 44 22 00 5C 7F E8  name "BYD".\.."
      0.110000  0x044  2A 36 6C 2B BA           unknown
      0.120000  0x18FF50E5  01 02                    unknown
      0.130000  0x351                           remote request
      0.140000  error  00 00 00 00 00 00 00 00  ERROR FRAME bus-off: the controller left the bus
      0.145000  error  00 00 00 00 00 00 00 00  ERROR FRAME no acknowledge: no other node hears us
      0.146000  error  00 01 00 00 00 00 00 00  ERROR FRAME receive overrun: frames were lost
      0.150000  error  00 30 00 00 00 00 88 07  ERROR FRAME error passive (receive), error passive (transmit); error counters transmit 136, receive 7
      0.160000  0x355  1A 00 64 00              SoC 26 %  SoH 100 %
      0.170000  0x351                           remote request
             -  0x355  64 00 64 00 00 00 00 00  SoC 100 %  SoH 100 %
             -  0x356  02 13 0C 00 F6 FF        voltage 48.66 V  current 1.2 A  temperature -1.0 C
END

# A recording of a recording is the same, and so are the words of both.
run 0 --raw "$logs/mixed.log"
cp "$dir/out" "$dir/again.log"
run 0 -x "$dir/again.log"
same "--raw can be read again" <"$dir/again.log"
run 0 "$logs/mixed.log"
cp "$dir/out" "$dir/words"
run 0 "$dir/again.log"
same "--raw keeps the meaning" <"$dir/words"
"$canview" - <"$logs/mixed.log" >"$dir/out" 2>"$dir/err" || fail "- does not read the standard input"
same "the standard input is a log" <"$dir/words"
sed 's/$/\r/' "$logs/mixed.log" >"$dir/dos.log"
run 0 "$dir/dos.log"
same "a log with CR LF" <"$dir/words"

# -t counts in the log's time: 2 s hold the first two sets and a part of the third
run 0 -t 1.5 --json --summary "$logs/pylontech-1.2.log"
python3 - "$dir/out" <<'END' || fail "--json"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
frames = [r for r in rows if "summary" not in r]
summary = {r["summary"]: r for r in rows if "summary" in r}
assert len(frames) == 13, len(frames)
limits = [f for f in frames if f["kind"] == "limits"][0]
assert limits == {"time": 1436509052.259713, "if": "can0", "id": "0x351", "len": 8,
                  "data": "1402B0044006C201", "kind": "limits", "cvl_mv": 53200,
                  "ccl_ma": 120000, "dcl_ma": 160000, "dvl_mv": 45000}, limits
assert summary["0x351"] == {"summary": "0x351", "count": 2, "mean_ms": 1000.4,
                            "min_ms": 1000.4, "max_ms": 1000.4}, summary
assert summary["0x305"] == {"summary": "0x305", "count": 1}, summary
END
run 0 --json "$logs/mixed.log"
python3 - "$dir/out" <<'END' || fail "--json of every kind of frame"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert len(rows) == 22, len(rows)
kinds = {r["kind"] for r in rows}
assert kinds == {"limits", "soc", "measured", "alarms", "request", "name", "alarms_v13",
                 "info_v13", "alive", "error", "remote", "unknown", "too_short"}, kinds
alarm = rows[1]
assert alarm["protections"] == ["high_voltage", "low_temperature", "discharge_overcurrent",
                                "charge_overcurrent", "system_error"], alarm
assert alarm["warnings"] == ["low_voltage", "discharge_overcurrent",
                             "communication_failure"], alarm
assert [r["name"] for r in rows if r["kind"] == "name"] == ['BYD".\\..']
assert [r["error"] for r in rows if r["kind"] == "error"][0].startswith("bus-off")
END
TZ=UTC "$canview" -a -n 1 "$logs/pylontech-1.2.log" >"$dir/out"
grep -q '^2015-07-10 06:17:32.249713  0x359' "$dir/out" || fail "--absolute"
echo '(2015-07-10 06:17:32.249713) can0 351#14025002C805' >"$dir/date.log"
TZ=UTC "$canview" -x "$dir/date.log" >"$dir/out"
same "a log with dates" <<'END'
(1436509052.249713) can0 351#14025002C805
END

# candump -N, -8, -e, and an editor that marks UTF-8
printf '\357\273\277%s\n' '(1436509052.249713999) can0 351#14025002C805' >"$dir/more.log"
cat >>"$dir/more.log" <<'END'
  can0  351  {6}  14 02 50 02 C8 05
  can0  044  {F}  01 02 03 04 05 06 07 08
  can0  351  {8}  remote request
  can0  20000004   [8]  00 01 00 00 00 00 00 00   ERRORFRAME
	controller-problem{rx-overflow}
	error-counter-tx-rx{{0}{7}}
  can0  355   [4]  1A 00 64 00
END
run 0 -x "$dir/more.log"
same "what candump -N, -8 and -e print, behind a byte order mark" <<'END'
(1436509052.249713) can0 351#14025002C805
can0 351#14025002C805
can0 044#0102030405060708
can0 351#R8
can0 20000004#0001000000000000
can0 355#1A006400
END

# Before 1970, as a clock that was never set may say
cat >"$dir/old.log" <<'END'
(0003-04-21 06:34:56.123456) can0 351#14025002C805
(1969-12-31 23:59:59.250000) can0 355#1A006400
(1970-01-01 00:00:00.250000) can0 355#1A006400
END
TZ=UTC "$canview" -x "$dir/old.log" >"$dir/again.log"
cp "$dir/again.log" "$dir/out"
same "times before 1970" <<'END'
(-62062997103.876544) can0 351#14025002C805
(-0.750000) can0 355#1A006400
(0.250000) can0 355#1A006400
END
run 0 -x "$dir/again.log"
same "--raw of times before 1970 can be read again" <"$dir/again.log"
run 0 -j "$dir/again.log"
python3 - "$dir/out" <<'END' || fail "--json of times before 1970"
import json, sys
times = [json.loads(line)["time"] for line in open(sys.argv[1])]
assert times == [-62062997103.876544, -0.75, 0.25], times
END
TZ=UTC "$canview" -a "$dir/again.log" >"$dir/out"
grep -q '^1969-12-31 23:59:59.250000  0x355' "$dir/out" || fail "--absolute before 1970"

# Bad lines: named, counted, passed over; the good ones are shown.
bad() {
	printf '%s\n355#1A006400\n' "$1" >"$dir/bad.log"
	run 1 "$dir/bad.log"
	says "bad.log:1: $2"
	grep -q 'SoC 26 %' "$dir/out" || fail "the good line behind '$1' is lost"
}
bad 'hello' 'the identifier'
bad '(12.5 can0 351#00' 'the time has no'
bad '(12:5) can0 351#00' 'the time is not'
bad '(12.5) can0 351#00' 'the time is not'
bad '(12.1234567) can0 351#00' 'the time is not'
bad '(12.1234567890) can0 351#00' 'the time is not'
bad '(--12.123456) can0 351#00' 'the time is not'
bad 'can0 800#00' 'the identifier'
bad 'can0 3510#00' 'the identifier'
bad 'can0 351#0' 'a byte is not two'
bad 'can0 351#0G' 'a byte is not two'
bad 'can0 351#00XY' 'the data is not'
bad 'can0 351#000102030405060708' 'there are more data bytes'
bad 'can0 351##1001122' 'CAN FD'
bad 'can0  351   [12]  14 02' 'CAN FD'
bad 'can0  351   [9]  14 02' 'CAN FD'
bad 'can0  351  {8]  14 02' 'CAN FD'
bad '	controller-problem{}' 'the identifier'
bad 'can0  351   [8]  14 02' 'there are not as many'
bad 'can0  351   [1]  14 02' 'there are not as many'
bad 'can0  351   14 02' 'there is no .#. and no length'
bad "$(head -c 600 /dev/zero | tr '\0' 'x')" 'longer than'
head -c 20000 "$canview" >"$dir/program.log"
run 1 "$dir/program.log"
: >"$dir/empty.log"
run 1 "$dir/empty.log"
says 'no CAN frame in it'
i=0
while [ $i -lt 30 ]; do
	echo nonsense
	i=$((i + 1))
done >"$dir/many.log"
run 1 "$dir/many.log"
[ "$(wc -l <"$dir/err")" -eq 12 ] || fail "30 bad lines give $(wc -l <"$dir/err") messages"

# Usage
run 1
says 'which bus'
run 1 a b
says 'give one bus, not 2'
run 1 -n 0 x
says 'from 1 to'
run 1 -n 5x x
run 1 -n -1 x
run 1 -t 0 x
says 'seconds'
run 1 -t nan x
run 1 --nonsense x
says 'help'
run 1 --raw --json x
says 'exclude'
run 1 --raw --summary x
run 1 --live "$logs/mixed.log"
says 'terminal'
run 0 --help
run 0 --version

# Buses that are not there
run 2 "$dir/missing.log"
says 'No such file'
run 2 "$dir/"
says 'directory'
run 2 nosuchcan9
says 'no such interface'
run 2 name-longer-than-an-interface
says 'no name of an interface'
run 2 lo
says 'speaks no CAN|is no CAN interface'
run 2 "unix:$dir/none"
says 'no daemon listens'
run 2 unix:
says 'the path must have'
run 2 "unix:/$(head -c 200 /dev/zero | tr '\0' 'p')"
says 'the path must have'
: >"$dir/plain"
run 2 "unix:$dir/plain"
says 'no daemon listens|not a bench bus'
run 0 "$logs/pylontech-1.2.log"
if [ -c /dev/full ]; then
	"$canview" "$logs/pylontech-1.2.log" >/dev/full 2>"$dir/err"
	[ $? -eq 2 ] || fail "a full disk goes unnoticed"
	says 'cannot write the output'
fi

# Bench bus and terminal
python3 - "$canview" "$dir/bus" "$logs/pylontech-1.2.log" <<'END' || fail "bench bus"
import os, pty, select, signal, socket, struct, subprocess, sys, time

canview, path, log = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(path)
server.listen(4)
server.settimeout(20)


def frame(can_id, data):
    return struct.pack("=IB3x8s", can_id, len(data), data)


LIMITS = frame(0x351, bytes.fromhex("1402740E740ECC01"))
ALIVE = frame(0x305, bytes(8))
BUS_OFF = frame(0x20000040, bytes(8))


def start(*args, stdout=subprocess.PIPE):
    p = subprocess.Popen([canview, *args], stdout=stdout, stderr=subprocess.PIPE, text=True)
    return p, server.accept()[0]


def finish(p, code):
    out, err = p.communicate(timeout=20)
    assert p.returncode == code, (p.returncode, out, err)
    return out, err


# COUNT frames, in words
p, c = start("-n", "3", "unix:" + path)
for record in (LIMITS, ALIVE, BUS_OFF):
    c.send(record)
out, err = finish(p, 0)
lines = out.splitlines()
assert len(lines) == 3 and err == "", (out, err)
assert "0x351  14 02 74 0E 74 0E CC 01  CVL 53.2 V  CCL 370.0 A  DCL 370.0 A  DVL 46.0 V" in lines[0]
assert "0x305" in lines[1] and lines[1].endswith("alive")
assert lines[2].endswith("ERROR FRAME bus-off: the controller left the bus")

# a recording of the bench bus is a log
p, c = start("-x", "-n", "2", "unix:" + path)
c.send(LIMITS)
c.send(ALIVE)
out, err = finish(p, 0)
again = subprocess.run([canview, "-j", "-"], input=out, capture_output=True, text=True, check=True)
assert '"if":"bench","id":"0x351"' in again.stdout, again.stdout

# intervals are measured
p, c = start("-n", "4", "-s", "unix:" + path)
for _ in range(4):
    c.send(LIMITS)
    time.sleep(0.1)
out, err = finish(p, 0)
row = out.splitlines()[-1].split()
assert row[0] == "0x351" and row[1] == "4", out
assert 90 <= float(row[2]) <= 1000 and float(row[3]) <= float(row[4]), out

# SECONDS: with frames good, without frames not
p, c = start("-t", "0.5", "unix:" + path)
c.send(LIMITS)
began = time.monotonic()
finish(p, 0)
assert time.monotonic() - began < 5
p, c = start("-t", "0.3", "unix:" + path)
out, err = finish(p, 2)
assert "no frame" in err and "500000" in err, err

# a signal ends it in good order, with the summary
p, c = start("-s", "unix:" + path)
c.send(LIMITS)
assert "0x351" in p.stdout.readline()
p.send_signal(signal.SIGTERM)
out, err = finish(p, 0)
assert "mean ms" in out, out

# records that are no frames: named, passed over
p, c = start("-n", "1", "unix:" + path)
c.send(b"short")
c.send(struct.pack("=IB3x8s", 0x351, 9, bytes(8)))
c.send(LIMITS + b"x")
c.send(LIMITS)
out, err = finish(p, 0)
assert err.count("no CAN frame") == 3 and "CVL" in out, (out, err)

# the daemon goes away
p, c = start("unix:" + path)
c.send(LIMITS)
c.close()
out, err = finish(p, 2)
assert "CVL" in out and "closed the bus" in err, (out, err)


# on a terminal: the table without options, lines on demand, a log always as lines
def on_terminal(args, records, marks):
    master, slave = pty.openpty()
    p = subprocess.Popen([canview, *args], stdout=slave, stderr=subprocess.PIPE, text=True)
    os.close(slave)
    c = server.accept()[0] if records else None
    for record in records:
        c.send(record)
    seen = b""
    deadline = time.monotonic() + 20
    while not all(m in seen for m in marks) and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:
                break
    p.send_signal(signal.SIGINT)
    p.wait(timeout=20)
    while select.select([master], [], [], 0.1)[0]:
        try:
            seen += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    assert all(m in seen for m in marks), (args, seen)
    assert p.returncode == 0, (p.returncode, p.stderr.read())
    return seen


on_terminal(["unix:" + path], [LIMITS, ALIVE, LIMITS], [b"\033[2J", b"3 frames", b"CVL 53.2 V"])
on_terminal(["-l", "unix:" + path], [LIMITS], [b"\033[2J", b"1 frames", b"mean ms"])
seen = on_terminal(["-L", "unix:" + path], [LIMITS], [b"CVL 53.2 V"])
assert b"\033[" not in seen, seen
seen = on_terminal([log], [], [b"CVL 53.2 V", b"2.500800"])
assert b"\033[" not in seen, seen
END

if [ "$failures" -ne 0 ]; then
	echo "$failures failure(s)"
	exit 1
fi
echo "canview: all good"
