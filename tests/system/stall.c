/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes threads of jkpylon-worker misbehave: preloaded, it looks at each sleep of the cycle and at each
 * name that is looked up whether the file named by JKP_STALL holds a word.
 *
 *   spin    the cycle never returns and never sleeps
 *   block   it sleeps for 10 s
 *   name    a name is never found, nor is it said that it is unknown
 *   library the same, where a library asks in the thread "mqtt"; and the worker tells whether it takes
 *           down its libraries
 *   two     the name two.invalid has two addresses, ::1 and 127.0.0.1
 *   memory  who asks for a name takes all memory that there is, until the file says otherwise
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int sleep_fn(clockid_t clock, int flags, const struct timespec *t, struct timespec *left);

static sleep_fn *real_sleep(void)
{
	static sleep_fn *real;

	if (real == NULL) {
		void *symbol = dlsym(RTLD_NEXT, "clock_nanosleep");

		memcpy(&real, &symbol, sizeof(real));
	}
	return real;
}

static int is_thread(const char *wanted)
{
	char name[16] = "";

	return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
	       strcmp(name, wanted) == 0;
}

static char wanted(void)
{
	const char *path = getenv("JKP_STALL");
	const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char word = '\0';

	if (fd >= 0) {
		if (read(fd, &word, 1) != 1) {
			word = '\0';
		}
		close(fd);
	}
	return word;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left)
{
	if (is_thread("cycle")) {
		const char word = wanted();

		if (word == 's') {
			for (;;) {
				__asm__ volatile("" ::: "memory");
			}
		}
		if (word == 'b') {
			const struct timespec ten = {.tv_sec = 10};

			return real_sleep()(CLOCK_MONOTONIC, 0, &ten, NULL);
		}
	}
	return real_sleep()(clock, flags, t, left);
}

/* As much as the process gets, in pieces that get smaller; given back when the word is another one. */
static void take_memory(void)
{
	static const char text[] = "<6>all memory is taken\n";
	void **last = NULL;

	for (size_t size = 1 << 20; size >= sizeof(void *);) {
		void **piece = malloc(size);

		if (piece == NULL) {
			size /= 2;
			continue;
		}
		*piece = (void *)last;
		last = piece;
	}
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	while (wanted() == 'm') {
		const struct timespec t = {.tv_nsec = 50000000};

		real_sleep()(CLOCK_MONOTONIC, 0, &t, NULL);
	}
	while (last != NULL) {
		void **next = (void **)*last;

		free((void *)last);
		last = next;
	}
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

	/* What is written as an address asks nobody. */
	const int asks = hints == NULL || (hints->ai_flags & AI_NUMERICHOST) == 0;

	while (asks && (wanted() == 'n' || (wanted() == 'l' && is_thread("mqtt")))) {
		pause();
	}
	if (asks && wanted() == 'm') {
		take_memory();
	}
	memcpy(&real, &symbol, sizeof(real));
	if (asks && name != NULL && strcmp(name, "two.invalid") == 0 && wanted() == 't') {
		const int error = real("::1", service, hints, found);

		return error != 0 ? error : real("127.0.0.1", service, hints, &(*found)->ai_next);
	}
	return real(name, service, hints, found);
}

__attribute__((destructor)) static void taken_down(void)
{
	static const char text[] = "<6>libraries are taken down\n";

	if (wanted() == 'l' && strcmp(program_invocation_short_name, "jkpylon-worker") == 0) {
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	}
}
