/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes what the daemon knows to an MQTT broker and takes orders from there. A thread of its own
 * of low priority (see svc/service.h); whatever broker and network do is counted and told, nothing
 * else depends on it (SAF-13). Orders go through a ring to the core, which can only be lowered by
 * them (SAF-19).
 *
 * Topics, below the prefix:
 *   status                  online, offline; retained, also the last will
 *   battery cells limits safety bms can realtime orders house service
 *                           retained JSON objects, see svc/mqtt_value.h
 *   set/NAME                orders, see svc/mqtt_command.h
 *   reply                   what became of them
 *
 * Nothing blocks: a name is looked up by lookup.h and waited for like everything else, with
 * service_wait(). Without TLS the library is given the address that was found. With TLS it needs the
 * name, for the certificate, and asks the name service once more, which has just answered; should it
 * hang in this moment, the end of the worker leaves the thread behind (service_stop()). Of a host with
 * addresses of both families one is tried after the other; with TLS the library takes the first that
 * it can dial.
 */
#ifndef JKP_SVC_MQTT_H
#define JKP_SVC_MQTT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "base/snapshot.h"
#include "svc/mqtt_command.h"
#include "svc/mqtt_discovery.h"
#include "svc/mqtt_value.h"
#include "svc/service.h"

#define MQTT_PAUSE_MIN_MS 1000
#define MQTT_PAUSE_MAX_MS 60000
#define MQTT_CONNECT_MS	  10000	 /* until the broker has answered */
#define MQTT_BLOCKED_MS	  10000	 /* it may take nothing for so long */
#define MQTT_LOOKUP_MS	  10000	 /* the name service may take for a try */
#define MQTT_PACKET_MAX	  16384U /* bytes of a packet that is read; an order has 256 at most */
#define MQTT_PACKET_MS	  10000	 /* from its first byte to its last */
/* Lines in the library's log while it reads: one or two for each packet. */
#define MQTT_LINES_A_SECOND 4000U
#define MQTT_LINES_AT_ONCE  (MQTT_LINES_A_SECOND / 2U)
/*
 * So long nothing is subscribed after the broker has sent too much: a message that is retained below
 * set/ comes with each subscription and would end every connection. Values go on, orders are not heard.
 */
#define MQTT_DEAF_MS	  300000
#define MQTT_PENDING	  24U
#define MQTT_REPLIES	  16U
#define MQTT_UNACKED	  16U
#define MQTT_TOPIC_MAX	  128U
#define MQTT_NAME_MAX	  64U /* of prefix and identifier, without the NUL */
#define MQTT_PASSWORD_MAX 256U
#define MQTT_SEED_MS	  20000 /* as often as the original script */
#define MQTT_RING_ORDERS  8U
#define MQTT_RING_ANSWERS 32U

/**
 * struct mqtt_config - settings; texts, snapshots and rings outlive the service
 * @host, @port: the broker
 * @user: empty: none
 * @password_file: path of a file with one line that others cannot read; empty: none
 * @credential: @password_file is one of the service manager, which keeps it from others itself
 * @tls: the certificate of the broker and the name in it are checked
 * @ca_file: authority that signed it; empty: those of the system
 * @cert_file, @key_file: our own certificate; empty: none
 * @client_id: A-Z a-z 0-9 _ -, at most MQTT_NAME_MAX; also the name in Home Assistant
 * @prefix: of the topics, at most MQTT_NAME_MAX
 * @discovery: tell Home Assistant; if not, what was told is taken back
 * @interval_ms: time between two publications, > 0
 * @keepalive_s: a broker that is silent for twice this time counts as lost, >= 5
 * @commands: take orders
 * @house: there is a meter or another inverter to hear
 * @seed_topics: also the topics of the original script, a value each
 * @stale_ms: older samples are unknown
 * @max_ma: upper end of what can be ordered
 * @telemetry: snapshot of struct telemetry
 * @read_realtime: newest counters of the cycle, or NULL; false: none; called in the thread
 * @service, @services: whose health is published
 * @orders: ring of struct command; this service is its only producer; NULL without @commands
 * @answers: ring of struct command_answer; this service is its only consumer; NULL likewise
 */
struct mqtt_config {
	const char *host;
	int32_t port;
	const char *user;
	const char *password_file;
	bool credential;
	bool tls;
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	const char *client_id;
	const char *prefix;
	bool discovery;
	const char *discovery_prefix;
	int32_t interval_ms;
	int32_t keepalive_s;
	bool commands;
	bool allow_full_charge;
	bool house;
	bool seed_topics;
	int32_t stale_ms;
	int32_t max_ma[DIRS];
	const struct snapshot *telemetry;
	bool (*read_realtime)(void *context, struct mqtt_realtime *ret_realtime);
	void *context;
	struct {
		const char *name;
		const struct snapshot *health;
	} service[MQTT_SERVICES_MAX];
	uint32_t services;
	struct ring *orders;
	struct ring *answers;
	int32_t pause_min_ms;
	int32_t pause_max_ms;
};

struct mosquitto; /* of libmosquitto */
struct lookup;

/* What went wrong with TLS, as far as the library says. */
enum mqtt_tls_fault {
	MQTT_TLS_NONE,
	MQTT_TLS_CERTIFICATE,
	MQTT_TLS_NAME,
	MQTT_TLS_OTHER,
};

/**
 * struct mqtt_inlet - what the library is let read, see mqtt_inlet.h
 * @off: the library is one that cannot be watched: nothing is looked at
 * @inside: the packet whose header was looked at last is not read yet
 * @partial: of the next header there is a part only
 * @shaken: the library has seen the end of the handshake of TLS
 * @error: why the connection was cut, 0 = it was not
 * @size: bytes of the newest packet that was looked at
 * @waited_ms: for the rest of headers since mqtt_link_drive() began
 * @since_ns: since when it is under way, TIME_NEVER = none is
 * @in_step, @in_second: lines of the log since mqtt_link_drive() began, and since @second_ns
 */
struct mqtt_inlet {
	bool off;
	bool inside;
	bool partial;
	bool shaken;
	int error;
	uint32_t size;
	uint32_t in_step;
	uint32_t in_second;
	int32_t waited_ms;
	int64_t since_ns;
	int64_t second_ns;
};

/**
 * struct mqtt_link - one connection
 * @mosq: NULL: none
 * @connected: the broker has accepted it
 * @refused: its code if it has not
 * @written: the socket has been writable once: TCP is connected
 * @blocked_ns: since when it takes nothing, TIME_NEVER = it does
 * @reading: the library reads; its log tells of whole packets
 * @unacked: identifiers of messages that wait for their acknowledgement, 0 = free
 * @acked: at least one was acknowledged
 */
struct mqtt_link {
	struct mosquitto *mosq;
	bool connected;
	bool acked;
	bool written;
	int refused;
	enum mqtt_tls_fault tls_fault;
	int64_t blocked_ns;
	bool reading;
	struct mqtt_inlet inlet;
	int unacked[MQTT_UNACKED];
	void (*order)(void *context, const char *topic, const void *payload, size_t len,
		      bool retained);
	void *context;
};

/**
 * struct mqtt_pending - an order whose end the core has not told yet
 */
struct mqtt_pending {
	uint32_t seq; /* 0 = free */
	bool heard;   /* the core has accepted it: a lease that runs */
	const char *name;
	char id[MQTT_ID_MAX];
};

/**
 * struct mqtt_reply - an answer that waits to be published
 */
struct mqtt_reply {
	size_t len;
	char text[MQTT_REPLY_MAX];
};

/* What is said on a new connection, in this order. */
enum mqtt_greeting {
	MQTT_GREET_STATE, /* the newest values before anything tells that there are some */
	MQTT_GREET_ONLINE,
	MQTT_GREET_DISCOVERY,
	MQTT_GREET_SUBSCRIBE,
	MQTT_GREETED
};

/**
 * struct mqtt - the service; zeroed static storage
 * @service: thread; its events are for the logger, its health for whoever wants to show it
 *
 * The rest is the thread's own.
 */
struct mqtt {
	struct service service;
	/* ---- */
	struct mqtt_config config;
	struct mqtt_link link;
	struct lookup *lookup; /* of mqtt.host, NULL = none is under way */
	bool second;	       /* the second address has its turn: the first did not let in */
	enum mqtt_greeting greeting;
	bool deaf;	       /* set/ is not subscribed on this connection yet */
	int64_t deaf_until_ns; /* 0 = may be subscribed at once */
	bool know_telemetry;
	bool know_realtime;
	bool good;  /* said since the newest round */
	bool waits; /* a round is due and the broker has not taken what was sent before */
	int64_t due_ns;
	int64_t seed_ns;
	int64_t flooded_ns; /* last told */
	int64_t retained_ns;
	uint32_t seen_step;
	uint32_t seen_latched;
	uint32_t seen_relay;
	uint32_t cells; /* announced */
	uint32_t cells_before;
	bool announce; /* the announcement is not what it should be */
	uint32_t seq;
	uint32_t flooded;
	uint32_t not_understood;
	struct mqtt_rate rate;
	struct mqtt_pending pending[MQTT_PENDING];
	struct mqtt_reply reply[MQTT_REPLIES];
	uint32_t replies;
	struct mqtt_count count;
	struct telemetry telemetry;
	struct telemetry scratch;
	struct mqtt_realtime realtime;
	struct mqtt_values values;
	char text[MQTT_DISCOVERY_MAX];
};

/**
 * mqtt_start - start the thread
 * @m: zeroed
 * @config: copied
 *
 * The broker need not be there: it is tried again until it is.
 * Return: as service_start(); -EINVAL for texts that are too long; -ENOMEM.
 * Context: init, signals blocked, before anything is realtime.
 */
int mqtt_start(struct mqtt *m, const struct mqtt_config *config);

/**
 * mqtt_stop - end the thread and wait for it; nothing if it does not run
 *
 * Return, bound: as service_stop().
 * Context: fini.
 */
int mqtt_stop(struct mqtt *m);

#endif
