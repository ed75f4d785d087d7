/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what the realtime and the pure code have to say. They emit a number and up to four
 * integers; the text is made elsewhere, by the logger thread. One table: id, journal level, minimum
 * interval between two lines of the same id, text.
 *
 * In a text {0}..{3} stands for an argument; {0:mV} prints volts, {0:mA} amperes, {0:dC} degrees,
 * {0:pm} per mille as per cent, {0:ms} seconds, {0:hex} hexadecimal, {0:id} a CAN identifier, {0:u}
 * an unsigned number, {0:ip} an IPv4 address; {0:rule} {0:verdict} {0:step} {0:reason} {0:level}
 * {0:phase} {0:link} {0:dir} {0:command} {0:order} {0:source} are names supplied by the caller's
 * namer.
 */
#ifndef JKP_BASE_EVENT_H
#define JKP_BASE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* Journal priorities, as in <syslog.h>. */
enum event_level {
	EVENT_ERR = 3,
	EVENT_WARNING = 4,
	EVENT_NOTICE = 5,
	EVENT_INFO = 6,
	EVENT_DEBUG = 7,
};

/* clang-format off */
#define EVENT_LIST(X) \
	X(NONE,             DEBUG,   0,  "no event") \
	/* BMS link */ \
	X(BMS_FIRST,        NOTICE,  0,  "BMS answers: {0} cells, {1:mV}, SoC {2} %, capacity {3} Ah") \
	X(BMS_TTY_LOST,     ERR,     10, "BMS serial device lost: check the USB cable; it is reopened when it is back") \
	X(BMS_TTY_OPEN,     NOTICE,  10, "BMS serial device open") \
	X(BMS_NO_REPLY,     WARNING, 60, "BMS does not answer within {0:ms}: check power, RX/TX and the port protocol in the JK app (000: 4G-GPS)") \
	X(BMS_BAD_FRAME,    WARNING, 60, "BMS frame dropped: {0:verdict} ({1} so far)") \
	X(BMS_LATE,         INFO,    60, "BMS reply dropped: it may answer an older request") \
	X(BMS_NOISE,        WARNING, 300,"noise on the BMS line: {0} bytes so far; check grounding and cable") \
	/* plausibility */ \
	X(FIELD_MISSING,    ERR,     60, "BMS reply lacks values that control needs (mask {0:hex}): limits only fall") \
	X(CELL_RANGE,       ERR,     10, "cell {0} reads {1:mV}, outside 1.0 to 4.5 V: check the sense wire") \
	X(CELL_COUNT,       ERR,     10, "BMS reports {0} cells, before {1}: limits only fall") \
	X(CELL_JUMP,        WARNING, 10, "cell {0} jumped from {1:mV} to {2:mV}: waiting for confirmation") \
	X(SOC_JUMP,         WARNING, 10, "SoC jumped from {0} % to {1} %: waiting for confirmation") \
	X(SOC_INVALID,      WARNING, 60, "BMS reports no valid SoC (SoC {0} %, {1} cycles)") \
	X(PROBE_FITTED,     NOTICE,  0,  "temperature probes in use: mask {0:hex}") \
	X(PROBE_LOST,       ERR,     60, "temperature probe {0} invalid (raw {1}): limits 0 A") \
	X(PROBE_NONE,       ERR,     60, "no valid temperature probe: limits 0 A; check the probes or bms.probes") \
	X(SUM_MISMATCH,     ERR,     10, "cells add up to {0:mV} but the pack reads {1:mV}") \
	X(CURRENT_RANGE,    ERR,     10, "current {0:mA} is beyond 1.5 x the BMS's over-current protection ({1:mA}): limits only fall") \
	X(FROZEN_WARN,      WARNING, 60, "BMS repeats one identical frame for {0} s while {1:mA} flow: no rise") \
	X(FROZEN_STOP,      ERR,     60, "BMS repeats one identical frame for {0} s while {1:mA} flow: stop") \
	X(IMPLAUSIBLE_STOP, ERR,     10, "implausible values confirmed by a second sample: safe set") \
	/* BMS settings and alarms */ \
	X(BMS_ALARM,        WARNING, 0,  "BMS alarm bits {0:hex}, before {1:hex}") \
	X(BMS_MOSFETS,      NOTICE,  0,  "BMS MOSFETs: charge {0}, discharge {1}") \
	X(BMS_TIGHTER,      WARNING, 0,  "BMS setting in register {3:hex} is tighter than the configuration ({2:rule}): {0} against {1}; the BMS wins") \
	X(BMS_SETTING_ODD,  WARNING, 0,  "BMS setting in register {0:hex} is absent or absurd ({1}): ignored, the last known one stays") \
	X(NO_MAXIMUM,       ERR,     60, "BMS reports no usable protection values: set limits.charge_max and limits.discharge_max to start") \
	/* ladder */ \
	X(STEP,             NOTICE,  0,  "ladder: {0:step} (before: {1:step}), reason: {2:reason}") \
	X(LIMIT_CHARGE,     INFO,    10, "charge limit {0:mA} by {1:rule}") \
	X(LIMIT_DISCHARGE,  INFO,    10, "discharge limit {0:mA} by {1:rule}") \
	X(LEVEL_WARN,       WARNING, 60, "{0:level}: {1:mV} reached the warning level {2:mV}") \
	X(LEVEL_CRITICAL,   ERR,     0,  "{0:level}: {1:mV} reached the critical level {2:mV}") \
	X(TEMP_WARN,        WARNING, 60, "{0:level}: {1:dC} reached the warning level {2:dC}") \
	X(TEMP_CRITICAL,    ERR,     0,  "{0:level}: {1:dC} reached the critical level {2:dC}") \
	X(LATCHED,          ERR,     0,  "latched fault: {0:reason}; find the cause, then acknowledge locally") \
	X(ACKNOWLEDGED,     NOTICE,  0,  "latched fault acknowledged: {0:reason}") \
	X(ACK_REFUSED,      WARNING, 0,  "acknowledgement refused: the cause is still present ({0:reason})") \
	X(DISOBEYED,        ERR,     10, "{0:dir}: inverter takes {1:mA} against a limit of {2:mA}") \
	X(OVER_PROPOSAL,    INFO,    300,"{0:dir}: {1:mA} flow against a lowered limit of {2:mA}") \
	X(SUSPENDED,        WARNING, 0,  "system was suspended for {0:ms}: all samples discarded") \
	X(WELDED,           ERR,     10, "{0:mA} flow although the relay is open: it has welded, or something bypasses it") \
	X(GUARD_SILENT,     ERR,     10, "guard process stands still: safe set") \
	X(STOPPING,         NOTICE,  0,  "stopping: last frames say 0 A") \
	X(HELD_VALUES,      NOTICE,  0,  "restarted: safe set with held values, {0:ms} old, SoC {1} %") \
	/* charge */ \
	X(PHASE,            NOTICE,  0,  "charge phase: {0:phase} (before: {1:phase})") \
	X(FULL,             NOTICE,  0,  "battery is full: cells {0:mV} to {1:mV}") \
	X(COMMAND_ACCEPTED, NOTICE,  1,  "command accepted: {0:command} {1:mA} for {2:ms}") \
	X(COMMAND_SOC,      NOTICE,  1,  "command accepted: {0:command} {1} % for {2:ms}") \
	X(COMMAND_RELEASED, NOTICE,  1,  "command accepted: release {0:command} (none = all)") \
	X(COMMAND_REFUSED,  WARNING, 1,  "command refused: {0:command} value {1}, time {2:ms}: {3:order}") \
	X(COMMAND_EXPIRED,  NOTICE,  1,  "command expired: {0:command}") \
	/* CAN */ \
	X(CAN_LINK,         WARNING, 1,  "CAN: {0:link} (before: {1:link})") \
	X(CAN_UNCONFIRMED,  ERR,     10, "CAN: {0} sets unconfirmed, writing stops: no node acknowledges; check cable, termination, inverter") \
	X(CAN_CONFIRMED,    NOTICE,  10, "CAN: frames are confirmed again") \
	X(CAN_DUPLICATE,    ERR,     60, "CAN: another node sends {0:id}: duplicate battery on the bus") \
	X(CAN_ERROR,        WARNING, 60, "CAN error frame: class {0:hex}, controller {1:hex}, transmit errors {2}, receive errors {3}") \
	X(CAN_RESTART,      NOTICE,  1,  "CAN: restart after bus-off, attempt {0}") \
	X(CAN_TX_FULL,      WARNING, 60, "CAN: transmit queue full, {0} frames dropped so far") \
	X(INVERTER_ALIVE,   NOTICE,  10, "inverter answers (0x305)") \
	X(INVERTER_SILENT,  WARNING, 60, "inverter silent for {0:ms} (0x305 missing)") \
	/* echo: what the inverter understood of the frames, read on its RS485 port */ \
	X(ECHO_AGREES,      NOTICE,  0,  "echo: the inverter understood what the bus says: charge {0:mA}, discharge {1:mA}, {2:mV}, SoC {3} %") \
	X(ECHO_CHARGE,      WARNING, 0,  "echo: charge limit: the inverter understood {0:mA}, the bus said {1:mA} to {2:mA}, for {3:ms}: check battery type and protocol in its menu") \
	X(ECHO_DISCHARGE,   WARNING, 0,  "echo: discharge limit: the inverter understood {0:mA}, the bus said {1:mA} to {2:mA}, for {3:ms}: check battery type and protocol in its menu") \
	X(ECHO_VOLTAGE,     WARNING, 0,  "echo: voltage: the inverter understood {0:mV}, the bus said {1:mV} to {2:mV}, for {3:ms}: check battery type and protocol in its menu") \
	X(ECHO_SOC,         WARNING, 0,  "echo: SoC: the inverter understood {0} %, the bus said {1} % to {2} %, for {3:ms}: check battery type and protocol in its menu") \
	X(ECHO_FAULTS,      WARNING, 0,  "echo: BMS fault words of the inverter {0:hex} {1:hex}, before {2:hex} {3:hex}") \
	X(SOLIS_OPEN,       NOTICE,  60, "Solis: RS485 device open") \
	X(SOLIS_ANSWERS,    NOTICE,  60, "Solis: the inverter answers on RS485") \
	X(SOLIS_NO_DEVICE,  WARNING, 300,"Solis: solis.device cannot be opened (errno {0}): check cable, name, rights, and that no other program uses it; tried again") \
	X(SOLIS_IS_BMS,     ERR,     300,"Solis: solis.device is the serial device of the BMS: name the one that leads to the inverter; nothing is read") \
	X(SOLIS_LOST,       WARNING, 60, "Solis: RS485 device lost: check the USB cable; it is opened again when it is back") \
	X(SOLIS_SILENT,     WARNING, 300,"Solis: no answer on RS485 ({0} so far): check A and B, solis.address, solis.baud, and that no data logger asks on the same line") \
	X(SOLIS_DAMAGED,    WARNING, 300,"Solis: damaged answer on RS485 ({0} so far): check cable and termination, and that no data logger asks on the same line") \
	X(SOLIS_REFUSED,    WARNING, 300,"Solis: the inverter refuses registers 33139 to 33146 (exception {0}): this model cannot be checked so; remove solis.device") \
	X(SOLIS_TOTAL,      INFO,    0,  "Solis: registers read {0} times, no answer {1}, damaged {2}, refused {3}") \
	/* SMA: the meter at the grid connection */ \
	X(SMA_JOINED,       NOTICE,  60, "SMA: listening for meters on the interface of sma.interface (index {0})") \
	X(SMA_NO_INTERFACE, WARNING, 300,"SMA: the interface of sma.interface is not there: compare its name with 'ip link'; tried again") \
	X(SMA_DOWN,         WARNING, 300,"SMA: the interface of sma.interface is down: check its cable, or 'ip link set NAME up'; tried again") \
	X(SMA_NO_PORT,      ERR,     300,"SMA: UDP port {0} cannot be used (errno {1}): 'ss -lunp' names the program that holds it; tried again") \
	X(SMA_NO_JOIN,      ERR,     300,"SMA: sma.interface refuses the multicast group (errno {0}): name the one that leads to the meter; tried again") \
	X(SMA_NO_SOCKET,    ERR,     300,"SMA: no UDP socket (errno {0}): put the drop-in network.conf in its place, see jkpylond(8); tried again") \
	X(SMA_FOLLOWS,      NOTICE,  0,  "SMA: meter {0:u} at {1:ip} gives the power at the grid, {2} W") \
	X(SMA_NOT_NAMED,    WARNING, 0,  "SMA: meter {0:u} heard at {1:ip}, {2} W (+ import); nothing is taken before it is named: serial = {0:u} in [sma]") \
	X(SMA_OTHER_SERIAL, NOTICE,  0,  "SMA: meter {0:u} heard at {1:ip}, {2} W, is not the one of sma.serial: left aside") \
	X(SMA_OTHER_SOURCE, WARNING, 300,"SMA: meter {0:u} also comes from {1:ip} while {2:ip} is followed: dropped ({3} so far); something imitates it") \
	X(SMA_TICKER,       WARNING, 300,"SMA: ticker of the meter jumped from {0:u} to {1:u} ms: dropped ({2} so far) until a restart is confirmed; if it lasts, somebody replays") \
	X(SMA_RESTARTED,    NOTICE,  60, "SMA: the meter has begun anew, confirmed by its sequence") \
	X(SMA_IMPLAUSIBLE,  WARNING, 300,"SMA: {0} W, or the step to it, is beyond sma.max_power {1} W: dropped ({2} so far); raise it if the connection is that strong") \
	X(SMA_DAMAGED,      WARNING, 300,"SMA: damaged datagrams: {0} so far, newest kind {1}; see jkpylon-probe sma") \
	X(SMA_SILENT,       WARNING, 300,"SMA: no meter for {0:ms} ({1} other datagrams), joining again: is it on, is its unicast list empty, does the switch know IGMP?") \
	X(SMA_FLOOD,        WARNING, 60, "SMA: flood of datagrams, newest from {0:ip}: for {1:ms} only the wanted meter is let in") \
	X(SMA_TOTAL,        INFO,    0,  "SMA: {0} samples taken, {1} datagrams of other kinds, {2} damaged, {3} dropped") \
	/* GoodWe: the other inverter, read in the local network */ \
	X(GOODWE_AA55,      NOTICE,  60, "GoodWe: the inverter answers, by AA55") \
	X(GOODWE_MODBUS,    NOTICE,  60, "GoodWe: the inverter answers, by Modbus") \
	X(GOODWE_NO_BATTERY,NOTICE,  300,"GoodWe: the inverter reports no battery: nothing to coordinate with") \
	X(GOODWE_NO_NAME,   WARNING, 300,"GoodWe: goodwe.host cannot be resolved (error {0}): check the name, or write down the address; tried again") \
	X(GOODWE_NAME_SLOW, WARNING, 300,"GoodWe: no answer within {0:ms} where goodwe.host is: check the name server of this machine, or write down the address") \
	X(GOODWE_SILENT,    WARNING, 300,"GoodWe: no answer ({0} so far): check goodwe.host, power and WiFi of its module, and that nothing else asks it every few seconds; tried again") \
	X(GOODWE_UNREACHABLE,WARNING, 300,"GoodWe: the network cannot reach goodwe.host (errno {0}): check address and goodwe.port; tried again") \
	X(GOODWE_NOT_ALLOWED,WARNING, 300,"GoodWe: this service may not use the network (errno {0}): put the drop-in network.conf in its place, see jkpylond(8)") \
	X(GOODWE_DAMAGED,   WARNING, 300,"GoodWe: answer cut off or damaged ({0} so far): check its WiFi; LAN modules with firmware 1.0.14 cut answers: update them") \
	X(GOODWE_FOREIGN,   WARNING, 300,"GoodWe: datagrams that answer nothing we asked, dropped ({0} so far): check that goodwe.host is the inverter") \
	X(GOODWE_REFUSED,   WARNING, 300,"GoodWe: the inverter refuses its registers ({0} so far): this model cannot be read; set goodwe.host=none") \
	X(GOODWE_IS_MODBUS, WARNING, 300,"GoodWe: the inverter speaks Modbus, not AA55: set goodwe.family=auto") \
	X(GOODWE_IS_AA55,   WARNING, 300,"GoodWe: the inverter speaks AA55, not Modbus: set goodwe.family=auto") \
	X(GOODWE_STALE,     WARNING, 300,"GoodWe: no reading for {0:ms}: what it said no longer counts") \
	X(GOODWE_UNCHANGED, INFO,    3600,"GoodWe: {0} readings in a row with the same values, {1:mA}: usual for a battery at rest") \
	X(GOODWE_TOTAL,     INFO,    0,  "GoodWe: read {0} times, no answer {1}, damaged {2}, dropped {3}") \
	/* SEMS: the same inverter by its vendor's portal */ \
	X(SEMS_READS,       NOTICE,  60, "SEMS: the portal gives new values: battery {0} W (+ charging), SoC {1} %") \
	X(SEMS_NO_BATTERY,  NOTICE,  300,"SEMS: the portal reports no battery: nothing to coordinate with") \
	X(SEMS_CLOCK,       WARNING, 300,"SEMS: the clock of this machine is not set: the portal is asked once it is (timedatectl)") \
	X(SEMS_NO_LIBRARY,  ERR,     300,"SEMS: libcurl.so.4 cannot be loaded: install the package libcurl4 (Debian 13: libcurl4t64); tried again") \
	X(SEMS_LOGIN_FILE,  ERR,     300,"SEMS: sems.login_file cannot be used (errno {0}): two lines, account and password, mode 0600, of the daemon's user; tried again") \
	X(SEMS_PASSWORD,    ERR,     0,  "SEMS: the portal refuses account or password (code {0:chars}{1:chars}): correct sems.login_file and restart; nothing is tried before, too many tries lock the account") \
	X(SEMS_BUSY,        WARNING, 300,"SEMS: the portal says too many requests (code {0:chars}{1:chars}): left alone for a while; raise sems.poll if it lasts") \
	X(SEMS_FORBIDDEN,   WARNING, 300,"SEMS: this account may not see the plant (code {0:chars}{1:chars}): let its owner share it, check sems.station; tried again") \
	X(SEMS_EXPIRED,     WARNING, 300,"SEMS: the session ends again and again (code {0:chars}{1:chars}): give the daemon an account of its own, a second login ends the first; tried again") \
	X(SEMS_REFUSED,     WARNING, 300,"SEMS: the portal refuses the request (code {0:chars}{1:chars}): its interface may have changed, see jkpylon-probe sems; tried again") \
	X(SEMS_EMPTY,       WARNING, 300,"SEMS: the portal answers without values of a battery: this interface is given up, or the inverter is off, see jkpylon-probe sems; tried again") \
	X(SEMS_NOT_JSON,    WARNING, 300,"SEMS: answer cut off or not JSON ({0} failures so far): tried again") \
	X(SEMS_TOO_MUCH,    WARNING, 300,"SEMS: answer of more than 256 KiB, 16384 values or 32 levels, dropped: check the paths in [sems]; tried again") \
	X(SEMS_IMPLAUSIBLE, WARNING, 300,"SEMS: values that cannot be, or contradict each other, dropped ({0} failures so far)") \
	X(SEMS_NO_NAME,     WARNING, 300,"SEMS: the portal's host is not known to the name service (error {0}): check the network, and the addresses in [sems]; tried again") \
	X(SEMS_NAME_SLOW,   WARNING, 300,"SEMS: no answer of the name service within {0:ms}: check the name server of this machine; tried again") \
	X(SEMS_UNREACHABLE, WARNING, 300,"SEMS: the portal cannot be reached (errno {0}): check the way into the internet; tried again") \
	X(SEMS_NOT_ALLOWED, WARNING, 300,"SEMS: this service may not use the internet (errno {0}): put the drop-in internet.conf in its place, see jkpylond(8)") \
	X(SEMS_CERTIFICATE, WARNING, 300,"SEMS: who answers is not proven to be the portal: nothing was said to it; check the clock, the package ca-certificates, and who is in between; tried again") \
	X(SEMS_TLS,         WARNING, 300,"SEMS: no encrypted connection with the portal: check the addresses in [sems]; tried again") \
	X(SEMS_SLOW,        WARNING, 300,"SEMS: no complete answer within {0:ms}: tried again") \
	X(SEMS_FOREIGN,     WARNING, 300,"SEMS: the portal leads to a host that is not in sems.hosts: not followed; add it if it is GoodWe's") \
	X(SEMS_STATUS,      WARNING, 300,"SEMS: HTTP status {0} (404: no such path): the interface may have moved, see jkpylon-probe sems; tried again") \
	X(SEMS_STATIONS,    WARNING, 300,"SEMS: the account has {0} plants: write down one in sems.station, jkpylon-probe sems lists them; tried again") \
	X(SEMS_STALE,       WARNING, 300,"SEMS: no new values for {0:ms}: what the portal said no longer counts") \
	X(SEMS_TOTAL,       INFO,    0,  "SEMS: {0} good answers, {1} of them without new values, {2} failures, {3} logins") \
	/* two inverters */ \
	X(ARBITER,          INFO,    10, "arbiter: {0:dir} at most {1:mA}, {2:rule}") \
	X(ARBITER_FREE,     INFO,    10, "arbiter: {0:dir} free again") \
	X(GRID_SILENT,      WARNING, 300,"no word of the grid meter for {0:ms}: no damping, and its fallback applies") \
	X(GRID_HEARD,       NOTICE,  300,"grid meter is heard") \
	X(PEER_SILENT,      WARNING, 300,"no word of the other inverter for {0:ms}: no interlock, and its fallback applies") \
	X(PEER_HEARD,       NOTICE,  300,"other inverter is heard, from {0:source}") \
	X(OSCILLATION,      NOTICE,  60, "grid power oscillates: {0} swings beyond {1} W in {2:ms}: both limits fall to {3:mA}") \
	X(OSCILLATION_OVER, NOTICE,  60, "grid power is calm again: limits released") \
	/* MQTT */ \
	X(MQTT_CONNECTED,   NOTICE,  10, "MQTT: connected to the broker") \
	X(MQTT_UNREACHABLE, WARNING, 300,"MQTT: the broker cannot be reached (errno {0}): check mqtt.host, mqtt.port, that it runs, and whether it wants TLS; tried again") \
	X(MQTT_NO_HOST,     WARNING, 300,"MQTT: mqtt.host is not known to the name service: check its spelling and the network; tried again") \
	X(MQTT_LOGIN,       WARNING, 300,"MQTT: the broker refuses user or password (code {0}): check mqtt.user, mqtt.password_file and the broker's access list; tried again") \
	X(MQTT_REFUSED,     WARNING, 300,"MQTT: the broker refuses the connection (code {0}: 1 protocol, 2 mqtt.client_id, 3 not available): tried again") \
	X(MQTT_CERTIFICATE, WARNING, 300,"MQTT: the broker's certificate is not signed by a known authority: set mqtt.ca_file to the one that did; tried again") \
	X(MQTT_NAME,        WARNING, 300,"MQTT: the broker's certificate is for another host name: write mqtt.host as the certificate does; tried again") \
	X(MQTT_TLS,         WARNING, 300,"MQTT: TLS fails (errno {0}): check mqtt.port, the certificate files, and that the broker speaks TLS there; tried again") \
	X(MQTT_SECRET,      ERR,     300,"MQTT: mqtt.password_file cannot be used (errno {0}): it must belong to the daemon's user, mode 0600, one line; tried again") \
	X(MQTT_LOST,        WARNING, 60, "MQTT: connection to the broker lost (errno {0}): tried again; orders given end with their time") \
	X(MQTT_LARGE,       WARNING, 300,"MQTT: the broker announces {0} bytes in one packet, {1} are taken: connection left, tried again, orders are not heard for {2:ms}; look for a large retained message below set/") \
	X(MQTT_FLOODED,     WARNING, 300,"MQTT: the broker sends more than can be of use: connection left, tried again, orders are not heard for {0:ms}; look for who sends without end below set/") \
	X(MQTT_SLOW_NAME,   WARNING, 300,"MQTT: the name service has not answered within {0:ms}: check it and the network, or write an address as mqtt.host; tried again") \
	X(MQTT_RETAINED,    WARNING, 60, "MQTT: a retained order is ignored ({0} so far): send orders without retain, and clear that one with an empty retained message") \
	X(MQTT_ORDER,       WARNING, 60, "MQTT: order not understood ({0} so far): the topic reply tells why") \
	X(MQTT_FLOOD,       WARNING, 60, "MQTT: more than 2 orders a second: {0} dropped so far") \
	X(MQTT_SLOW,        WARNING, 300,"MQTT: the broker is too slow: {0} messages withheld so far") \
	X(MQTT_TOTAL,       INFO,    0,  "MQTT: {0} messages published, {1} withheld, {2} orders taken, {3} refused") \
	/* services */ \
	X(NO_DESCRIPTORS,   ERR,     60, "no descriptor is left for a connection (errno {0}): raise RLIMIT_NOFILE (LimitNOFILE= in the service); tried again") \
	/* recorder */ \
	X(INCIDENT_KEPT,    NOTICE,  0,  "recorder: what happened around this is kept ({0:reason}, {1} KiB): jkpylon-replay --list shows it") \
	X(INCIDENT_FAILED,  ERR,     0,  "recorder: an incident cannot be kept (errno {0}: 28 disk full, 13 not allowed, 2 no such folder): check recorder.incidents; the battery is served all the same") \
	X(RECORDER_FULL,    WARNING, 0,  "recorder: the ring cannot be written (errno {0}: 28 no room in its folder): remove other files there, or make recorder.size smaller, and restart; until then nothing is recorded") \
	X(RECORDER_LOST,    WARNING, 300,"recorder: {0} cycles are missing: the machine was too busy for its thread") \
	/* realtime */ \
	X(OVERRUN,          WARNING, 10, "cycle overrun: {0} periods skipped, {1} in total") \
	X(RT_REFUSED,       WARNING, 0,  "realtime scheduling refused (errno {0}): running without") \
	X(EVENTS_LOST,      WARNING, 60, "{0} events lost: the logger was too slow")
/* clang-format on */

enum event_id {
#define X(id, level, interval, text) EVENT_##id,
	EVENT_LIST(X)
#undef X
	EVENTS
};

#define EVENT_ARGS 4

/**
 * struct event - one event as it travels through the ring
 * @t_ns: CLOCK_MONOTONIC when it happened
 * @id: enum event_id
 * @arg: arguments in the order of the text; unused ones 0
 */
struct event {
	int64_t t_ns;
	uint32_t id;
	int32_t arg[EVENT_ARGS];
	uint32_t pad;
};

/* Kinds of names that upper layers supply. */
enum event_name {
	EVENT_NAME_RULE,
	EVENT_NAME_VERDICT,
	EVENT_NAME_STEP,
	EVENT_NAME_REASON,
	EVENT_NAME_LEVEL,
	EVENT_NAME_PHASE,
	EVENT_NAME_LINK,
	EVENT_NAME_DIR,
	EVENT_NAME_COMMAND,
	EVENT_NAME_SOURCE,
	EVENT_NAME_ORDER, /* what became of a command */
	EVENT_NAMES
};

/* Name of a value, static string; "?" if unknown. */
typedef const char *event_namer(enum event_name kind, int32_t value);

/**
 * event_level - journal priority of an event id; EVENT_ERR for an unknown id
 */
enum event_level event_level(uint32_t id);

/**
 * event_interval_s - least time between two log lines of this id, s; 0 = every one
 */
uint32_t event_interval_s(uint32_t id);

/**
 * event_key - symbolic name of the id, e.g. "BMS_FIRST"; "?" for an unknown id
 */
const char *event_key(uint32_t id);

/**
 * event_format - text of an event
 * @e: event
 * @namer: names for {n:rule} and friends; must not be NULL
 * @buf: receives the text, always NUL-terminated, cut at @len
 * @len: size of @buf, >= 1
 *
 * Return: length of the text without the NUL.
 * Context: any thread but the realtime one (the logger). Pure, bound: @len.
 */
size_t event_format(const struct event *e, event_namer *namer, char *buf, size_t len);

#endif
