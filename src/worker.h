/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the worker share: its state and its parts. */
#ifndef JKP_SRC_WORKER_H
#define JKP_SRC_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ring.h"
#include "conf/conf.h"
#include "rt/can.h"
#include "rt/enter.h"
#include "rt/orphan.h"
#include "rt/loop.h"
#include "rt/serial.h"
#include "rt/shared.h"
#include "rt/stats.h"
#include "svc/goodwe.h"
#include "svc/logger.h"
#include "svc/mqtt.h"
#include "svc/recorder.h"
#include "svc/sems.h"
#include "svc/sma.h"
#include "svc/solis.h"
#include "svc/trace.h"

#define WORKER_EVENTS	256U
#define WORKER_FRAMES	64U
#define WORKER_ORDERS	8U
#define WORKER_SERVICES MQTT_SERVICES_MAX

enum mode {
	MODE_RUN,
	MODE_DRY_RUN,
	MODE_EXPLAIN,
	MODE_CHECK,
	MODE_PRINT_CONFIG,
	MODE_STATUS,
	MODE_ACK,
	MODE_OPEN_RELAY,
};

/**
 * struct worker_service - one that the configuration asks for, whether it could be started or not
 * @name: in the log and for whoever shows its health
 */
struct worker_service {
	const char *name;
	struct service *service;
	bool hangs; /* and that was told */
};

/**
 * struct worker - everything the process has; zeroed static storage, descriptors -1
 * @guarded: started by the guard: its page and its pidfd are open
 * @reload: the configuration file was read anew and is good: the next worker uses it
 * @frames: what a dry run would have sent
 * @commands: orders of local tools to the core; the main thread is the producer
 * @network, @answers: orders of the MQTT service and what became of them, if @with_network
 * @service, @services: in the order in which they were started
 * @control_fd: the local way in, -1 = none
 */
struct worker {
	enum mode mode;
	bool guarded;
	bool reload;
	bool recover;
	const char *config_path;
	struct config config;
	struct enter_report report;
	int signal_fd;
	int latency_fd;
	int lock_fd;
	int control_fd;
	bool left_behind; /* a thread that hangs may still read what is mapped */
	struct orphan orphan;
	struct shared_page *page;
	struct stats_page *stats;
	struct ring events;
	struct event event_storage[WORKER_EVENTS];
	struct ring commands;
	struct command command_storage[WORKER_ORDERS];
	struct ring network;
	struct command network_storage[MQTT_RING_ORDERS];
	struct ring answers;
	struct command_answer answer_storage[MQTT_RING_ANSWERS];
	bool with_network;
	struct ring frames;
	struct can_msg frame_storage[WORKER_FRAMES];
	struct logger logger;
	struct solis solis;
	struct sma sma; /* its grid sample is for the cycle */
	struct goodwe goodwe;
	struct sems sems;
	char sems_login_path[CONF_PATH_MAX];
	struct mqtt mqtt; /* large: it holds the texts that it publishes */
	struct worker_service service[WORKER_SERVICES];
	uint32_t services;
	struct trace trace;
	struct recorder recorder;
	bool recording;
	char ring_path[CONF_PATH_MAX + 16U]; /* as resolved; the recorder refers to them */
	char incidents_path[CONF_PATH_MAX + 16U];
	struct serial *serial;
	struct can_port *can;
	struct loop loop;
};

/*
 * worker_services.c: all of them as one part. One that cannot start is told, and is no reason to stop.
 * One that hangs at its end is left behind.
 */
int worker_start_services(struct worker *w);
void worker_stop_services(struct worker *w);

/* Their threads are there before anything is realtime; they begin when everything else is there. */
int worker_release_services(struct worker *w);

/* Tell of threads that hang, and of those that move again (FLT-33). Every few seconds. */
void worker_watch_services(struct worker *w);

/* Whether each source of the house that is configured has been heard once. */
bool worker_house_is_heard(const struct worker *w);

/* All at once: the sum of their times is not what a reload has. Does not wait. */
void worker_ask_services_to_end(struct worker *w);

/*
 * worker_recorder.c: the flight recorder. It is no reason not to start: what is wrong is told. Its thread
 * ends after the cycle, which fills it.
 */
int worker_start_recorder(struct worker *w);
void worker_stop_recorder(struct worker *w);

/* worker_guard.c: the worker's side of the guard. The guard keeps its devices when this one ends. */
int worker_start_page(struct worker *w);
void worker_stop_page(struct worker *w);
int worker_start_orphan(struct worker *w);
void worker_stop_orphan(struct worker *w);
int worker_start_failsafe(struct worker *w);

/* worker_mqtt.c: what is published, of @w->service too, and orders from the network. Return: 0, -errno. */
int worker_start_mqtt(struct worker *w);

/* Of the whole process, above what it has now: when nothing but services will ask for more. */
void worker_bound_memory(const struct config *c);

/**
 * worker_read_held - what the worker before has left; what is latched, from the guard itself
 * @latch_word: shared_page.latch
 */
void worker_read_held(const struct worker *w, uint32_t latch_word, struct held *ret_held);

/**
 * struct worker_part - one thing to start and to stop
 * @start: returns EXIT_OK or the exit code of the process; has logged why
 * @stop: also called after a start that failed
 */
struct worker_part {
	int (*start)(struct worker *w);
	void (*stop)(struct worker *w);
};

/* In the order in which they are started; stopped in reverse. */
extern const struct worker_part worker_parts[];
extern const size_t worker_parts_len;

#endif
