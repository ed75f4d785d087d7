/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: the process that waits for the disk so that the guard need not. It ends when the
 * guard is gone and its last record is on disk.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "rt/guard.h"
#include "rt/relay.h"
#include "rt/shared_log.h"
#include "rt/state.h"
#include "state_file.h"

#define PROCESS_NAME   "jkpylon-state" /* at most 15 characters */
#define RETRY_MS       1000
#define PATH_TEXT      200
#define RELAY_TRIES    100
#define RELAY_RETRY_MS 5

/**
 * struct recorder - state of the one recorder
 * @slot: where the next record goes
 * @error: -errno of the newest attempt, 0 = it worked
 */
struct recorder {
	struct state_mail *mail;
	int slot;
	int error;
};

static int attach(struct recorder *r)
{
	static struct state_record slot[STATE_SLOTS]; /* much for the stack, and one at a time */
	struct stat bell;
	struct stat file;
	struct stat mail;

	if (fstat(STATE_BELL_FD, &bell) != 0 || !S_ISFIFO(bell.st_mode) ||
	    fstat(STATE_FILE_FD, &file) != 0 || !S_ISREG(file.st_mode) ||
	    fstat(STATE_MAIL_FD, &mail) != 0 || mail.st_size != (off_t)sizeof(*r->mail)) {
		return -EPROTO;
	}
	r->mail = mmap(NULL, sizeof(*r->mail), PROT_READ | PROT_WRITE, MAP_SHARED, STATE_MAIL_FD,
		       0);
	if (r->mail == MAP_FAILED || r->mail->magic != STATE_MAIL_MAGIC) {
		return -EPROTO;
	}
	const uint32_t put = atomic_load_explicit(&r->mail->put, memory_order_acquire);
	const int newest = state_file_load(STATE_FILE_FD, slot);

	/* The last recorder may have died between writing and sync: then that slot once more. */
	r->slot = newest >= 0 && slot[newest].sequence == put ? newest : state_file_older(slot);
	return 0;
}

/* Return: 0 all that was put is on disk, -EAGAIN more was put meanwhile, or another -errno. */
static int save(struct recorder *r)
{
	const uint32_t put = atomic_load_explicit(&r->mail->put, memory_order_acquire);
	struct state_record record;

	if (put == atomic_load_explicit(&r->mail->done, memory_order_relaxed)) {
		return 0;
	}
	/* The guard waits for no reader: it may be here again already. The sum shows. */
	record = r->mail->record[put % STATE_SLOTS];
	if (!state_is_good(&record) || record.sequence != put) {
		return atomic_load_explicit(&r->mail->put, memory_order_acquire) == put ? -EBADMSG
											: -EAGAIN;
	}
	const int error = state_file_write(STATE_FILE_FD, r->slot, &record);

	if (error == 0) {
		/* After a failure it is this slot again: the other may be the only good one. */
		r->slot = 1 - r->slot;
		atomic_store_explicit(&r->mail->done, put, memory_order_release);
	}
	return error;
}

static const char *file_name(void)
{
	static char name[PATH_TEXT];
	char link[sizeof("/proc/self/fd/") + 11U];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", STATE_FILE_FD);
	const ssize_t n = readlink(link, name, sizeof(name) - 1U);

	name[n > 0 ? n : 0] = '\0';
	return name;
}

static void report(struct recorder *r, int error)
{
	atomic_store_explicit(&r->mail->error, (uint32_t)-error, memory_order_relaxed);
	if (error != 0 && r->error == 0) {
		shared_log(LOG_ERR,
			   "cannot record the failsafe state in %s: %s: a fault latched now would "
			   "not survive a restart: %s; tried again until it works",
			   file_name(), strerror(-error), state_file_remedy(-error));
	} else if (error == 0 && r->error != 0) {
		shared_log(LOG_NOTICE, "the failsafe state is recorded in %s again", file_name());
	}
	r->error = error;
}

/* Return: false if the guard is gone. */
static bool listen_to_bell(int timeout_ms)
{
	struct pollfd bell = {.fd = STATE_BELL_FD, .events = POLLIN};
	char rings[64];
	ssize_t n;

	(void)poll(&bell, 1, timeout_ms);
	do {
		n = read(STATE_BELL_FD, rings, sizeof(rings));
	} while (n > 0);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* The worker does the same if there is one; between two of them there is none. */
static void open_relay(const struct recorder *r)
{
	static char relay[STATE_RELAY_MAX]; /* much for the stack, and once in a life */
	static char precharge[STATE_RELAY_MAX];
	char error[STATE_TEXT_MAX] = "";
	int tries = RELAY_TRIES;
	int rc = -EBUSY;

	snprintf(relay, sizeof(relay), "%s", r->mail->relay);
	snprintf(precharge, sizeof(precharge), "%s", r->mail->precharge);
	if (atomic_load_explicit(&r->mail->orderly, memory_order_acquire) != 0U ||
	    relay[0] == '\0' || strcmp(relay, STATE_NONE) == 0) {
		return;
	}
	while (rc == -EBUSY && tries-- > 0) {
		rc = relay_open_anyhow(relay, precharge, error, sizeof(error));
		if (rc == -EBUSY) {
			(void)poll(NULL, 0, RELAY_RETRY_MS);
		}
	}
	if (rc != 0) {
		shared_log(LOG_ERR, "the guard has ended and the relay cannot be opened: %s",
			   error);
	}
}

static void be_quiet_and_stay(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT, SIGTSTP, SIGPIPE};
	const struct sched_param none = {.sched_priority = 0};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaddset(&set, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* The guard's realtime priority ends at the fork; should it not, it ends here. */
	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	(void)prctl(PR_SET_NAME, PROCESS_NAME);
}

int state_recorder_run(void)
{
	struct recorder r = {.mail = NULL};
	bool guarded = true;
	int tries = STATE_LAST_TRIES;

	be_quiet_and_stay();
	if (attach(&r) != 0) {
		shared_log(LOG_ERR, "--" STATE_RECORDER_OPTION " is for jkpylond itself: it starts "
				    "this process when it needs it");
		return EXIT_CONFIG;
	}
	for (;;) {
		const int error = save(&r);

		if (error == -EAGAIN) {
			continue;
		}
		report(&r, error);
		if (!guarded && (error == 0 || --tries == 0)) {
			return error == 0 ? EXIT_OK : EXIT_DEVICE;
		}
		if (guarded) {
			guarded = listen_to_bell(error == 0 ? -1 : RETRY_MS);
			if (!guarded) {
				open_relay(&r);
			}
		} else {
			(void)poll(NULL, 0, RETRY_MS);
		}
	}
}
