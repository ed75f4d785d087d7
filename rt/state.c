/* SPDX-License-Identifier: Apache-2.0 */
/* The failsafe state, the guard's end: a page in memory, a bell, and a process that writes. */
#include "rt/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/remedy.h"
#include "rt/guard.h"
#include "state_file.h"

#define CLOSE_LIMIT_MS 2000
#define FD_FLOOR       10 /* above the descriptors that the recorder gets */
#define RECORDER_FDS   3

/* The page; everything in it is touched once, so that the guard faults no page later. */
static int make_mail(struct state *s, const struct state_record *newest)
{
	struct state_mail *mail = MAP_FAILED;

	s->mail_fd = memfd_create("jkpylon-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->mail_fd >= 0 && ftruncate(s->mail_fd, (off_t)sizeof(*mail)) == 0 &&
	    fcntl(s->mail_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		mail = mmap(NULL, sizeof(*mail), PROT_READ | PROT_WRITE, MAP_SHARED, s->mail_fd, 0);
	}
	if (mail == MAP_FAILED) {
		return -errno;
	}
	s->mail = mail;
	mail->magic = STATE_MAIL_MAGIC;
	for (int i = 0; i < STATE_SLOTS; i++) {
		mail->record[i] = *newest;
	}
	atomic_init(&mail->error, 0U);
	atomic_init(&mail->done, newest->sequence);
	atomic_init(&mail->put, newest->sequence);
	return pipe2(s->bell, O_NONBLOCK | O_CLOEXEC) == 0 ? 0 : -errno;
}

/* Above those that the recorder gets. @ret_high: -1 from the first that fails on. Return: 0 or -errno. */
static int raise_all(const struct state *s, int ret_high[RECORDER_FDS])
{
	const int from[RECORDER_FDS] = {s->bell[0], s->file_fd, s->mail_fd};
	int r = 0;

	for (int i = 0; i < RECORDER_FDS; i++) {
		ret_high[i] = r == 0 ? fcntl(from[i], F_DUPFD_CLOEXEC, FD_FLOOR) : -1;
		if (r == 0 && ret_high[i] < 0) {
			r = errno == EINVAL ? -EMFILE : -errno;
		}
	}
	return r;
}

/* Whether the recorder will have its descriptors: it could not tell, the guard can. */
static int try_raise(const struct state *s)
{
	int high[RECORDER_FDS];
	const int r = raise_all(s, high);

	for (int i = 0; i < RECORDER_FDS; i++) {
		if (high[i] >= 0) {
			close(high[i]);
		}
	}
	return r;
}

int state_open(struct state *s, const char *path, uint32_t lost_reason,
	       struct state_record *ret_newest, char *text, size_t size)
{
	struct state_record newest = {.latched = 0};

	assert(lost_reason != 0U && size > 0U);
	text[0] = '\0';
	*s = (struct state){.file_fd = -1, .bell = {-1, -1}, .mail_fd = -1};
	if (strcmp(path, STATE_NONE) != 0) {
		int r = state_file_open(path, lost_reason, &s->file_fd, &newest, text, size);

		if (r != 0) {
			return r;
		}
		r = make_mail(s, &newest);
		if (r != 0) {
			snprintf(text, size, "no memory or descriptors for the state: %s: %s",
				 strerror(-r), remedy_of(-r));
			state_close(s);
			return r;
		}
	}
	*ret_newest = newest;
	return 0;
}

/* The new process becomes the recorder, with these descriptors and those of stdio alone. */
__attribute__((noreturn)) static void become_recorder(const struct state *s)
{
	char name[] = "jkpylond";
	char option[] = "--" STATE_RECORDER_OPTION;
	char *argv[] = {name, option, NULL};
	static const int to[RECORDER_FDS] = {STATE_BELL_FD, STATE_FILE_FD, STATE_MAIL_FD};
	int high[RECORDER_FDS];

	/* The guard has tried it a moment ago. */
	(void)raise_all(s, high);
	for (int i = 0; i < RECORDER_FDS; i++) {
		(void)dup2(high[i], to[i]);
	}
	(void)close_range(STATE_MAIL_FD + 1, ~0U, 0);
	/* The running program, also if an update has replaced its file meanwhile. */
	execv("/proc/self/exe", argv);
	_exit(EXIT_INTERNAL);
}

static bool is_running(struct state *s)
{
	if (s->recorder > 0 && waitpid(s->recorder, NULL, WNOHANG) != 0) {
		s->recorder = 0;
	}
	return s->recorder > 0;
}

int state_start(struct state *s)
{
	if (s->mail == NULL || is_running(s)) {
		return 0;
	}
	const int r = try_raise(s);

	if (r != 0) {
		return r;
	}
	const pid_t pid = fork();

	if (pid == 0) {
		become_recorder(s);
	}
	if (pid < 0) {
		return -errno;
	}
	s->recorder = pid;
	return 0;
}

int state_put(struct state *s, const struct state_record *record)
{
	if (s->mail == NULL) {
		return 0;
	}
	const uint32_t sequence = atomic_load_explicit(&s->mail->put, memory_order_relaxed) + 1U;
	struct state_record *place = &s->mail->record[sequence % STATE_SLOTS];

	*place = *record;
	state_seal(place, sequence);
	atomic_store_explicit(&s->mail->put, sequence, memory_order_release);
	/* A full pipe has rung already. */
	(void)!write(s->bell[1], "", 1);
	return is_running(s) ? 0 : -EPIPE;
}

int state_check(struct state *s)
{
	if (s->mail == NULL) {
		return 0;
	}
	if (!is_running(s)) {
		return -EPIPE;
	}
	if (atomic_load_explicit(&s->mail->done, memory_order_acquire) ==
	    atomic_load_explicit(&s->mail->put, memory_order_relaxed)) {
		return 0;
	}
	const uint32_t error = atomic_load_explicit(&s->mail->error, memory_order_relaxed);

	return error == 0U ? -EINPROGRESS : -(int)error;
}

void state_lines(struct state *s, const char *relay, const char *precharge)
{
	if (s->mail != NULL) {
		snprintf(s->mail->relay, sizeof(s->mail->relay), "%s", relay);
		snprintf(s->mail->precharge, sizeof(s->mail->precharge), "%s", precharge);
	}
}

void state_orderly(struct state *s)
{
	if (s->mail != NULL) {
		atomic_store_explicit(&s->mail->orderly, 1U, memory_order_release);
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}

void state_close(struct state *s)
{
	close_fd(&s->bell[1]);
	if (is_running(s)) {
		struct pollfd end = {.fd = pidfd_open(s->recorder, 0), .events = POLLIN};

		(void)poll(&end, 1, CLOSE_LIMIT_MS);
		close_fd(&end.fd);
		(void)is_running(s);
	}
	close_fd(&s->bell[0]);
	close_fd(&s->mail_fd);
	close_fd(&s->file_fd);
	if (s->mail != NULL) {
		munmap(s->mail, sizeof(*s->mail));
		s->mail = NULL;
	}
}
