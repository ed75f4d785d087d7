/* SPDX-License-Identifier: Apache-2.0 */
/* rtstat: what becomes of a copy of the page. See rtstat.h. */
#include "rtstat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"

#define EVERY_SCREEN_NS (500 * NS_PER_MS)
#define BARS_ROWS	40
#define BARS_COLUMNS	100
#define RESET_WAIT_NS	(3 * NS_PER_S)
#define RESET_LOOK_NS	(50 * NS_PER_MS)
#define NAME_SIZE	4096
#define OUTPUT_MODE	0644

/* ---- output ---- */

static void print(FILE *f, const struct rtstat_options *o, const struct rtstat_page *page)
{
	switch (o->form) {
	case RTSTAT_FORM_BARS:
		rtstat_heading(f, page);
		fputc('\n', f);
		rtstat_bars(f, page, o->time, BARS_ROWS, BARS_COLUMNS);
		break;
	case RTSTAT_FORM_SVG:
		rtstat_svg(f, page, o->time);
		break;
	case RTSTAT_FORM_JSON:
		rtstat_json(f, page);
		break;
	case RTSTAT_FORM_PROMETHEUS:
		rtstat_prometheus(f, page);
		break;
	case RTSTAT_FORM_TABLE:
	case RTSTAT_FORM_LIVE:
	case RTSTAT_FORM_WATCH:
	case RTSTAT_FORM_RESET:
	case RTSTAT_FORM_LIST:
	default:
		rtstat_table(f, page);
		break;
	}
}

static enum rtstat_exit cannot_write(const char *name)
{
	fprintf(stderr, "jkpylon-rtstat: cannot write %s: %s\n", name, strerror(errno));
	return RTSTAT_OUTPUT;
}

/* What is renamed over a device, a pipe, a folder or a link takes its place: never meant. */
static bool may_replace(const char *name)
{
	struct stat st;

	return lstat(name, &st) != 0 || S_ISREG(st.st_mode);
}

/* Under another name, then renamed: whoever reads FILE never sees half of it. */
static enum rtstat_exit write_file(const struct rtstat_options *o, const struct rtstat_page *page)
{
	char name[NAME_SIZE];
	FILE *f = NULL;

	if (!may_replace(o->output)) {
		fprintf(stderr,
			"jkpylon-rtstat: %s: is no plain file; name a plain file, or one that does not exist "
			"yet\n",
			o->output);
		return RTSTAT_OUTPUT;
	}
	if (snprintf(name, sizeof(name), "%s.%ld.tmp", o->output, (long)getpid()) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return cannot_write(o->output);
	}
	/* A name with our number is one that somebody left behind. */
	(void)unlink(name);

	const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    OUTPUT_MODE);

	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL) {
		if (fd >= 0) {
			close(fd);
			unlink(name);
		}
		return cannot_write(o->output);
	}
	print(f, o, page);

	const bool failed = ferror(f) != 0;

	if (fclose(f) != 0 || failed || rename(name, o->output) != 0) {
		const enum rtstat_exit r = cannot_write(o->output);

		unlink(name);
		return r;
	}
	return RTSTAT_OK;
}

static enum rtstat_exit write_out(const struct rtstat_options *o, const struct rtstat_page *page)
{
	if (o->output != NULL) {
		return write_file(o, page);
	}
	print(stdout, o, page);
	return fflush(stdout) != 0 || ferror(stdout) != 0 ? cannot_write("the output") : RTSTAT_OK;
}

/* ---- what is asked for ---- */

static enum rtstat_exit show(const struct rtstat_options *o)
{
	static struct rtstat_page page;
	char error[RTSTAT_TEXT];
	enum rtstat_exit r = rtstat_take(o->path, &page, error);

	if (r == RTSTAT_DEAD && o->dead) {
		r = RTSTAT_OK;
	}
	if (r == RTSTAT_OK) {
		return write_out(o, &page);
	}
	fprintf(stderr, "jkpylon-rtstat: %s%s\n", error,
		r == RTSTAT_DEAD ? "; --dead shows it nevertheless" : "");
	if (o->form == RTSTAT_FORM_PROMETHEUS) {
		/* Old values must not look like those of now. */
		memset(&page, 0, sizeof(page));

		const enum rtstat_exit w = write_out(o, &page);

		return w != RTSTAT_OK ? w : r;
	}
	return r;
}

static enum rtstat_exit show_again(const struct rtstat_options *o)
{
	enum rtstat_exit r = show(o);

	/* A daemon that is not there may come back; an output that cannot be written does not. */
	while (o->every_ns > 0 && r != RTSTAT_OUTPUT) {
		rtstat_pause(o->every_ns);
		r = show(o);
	}
	return r;
}

static enum rtstat_exit take_or_say(const struct rtstat_options *o, struct rtstat_page *page)
{
	char error[RTSTAT_TEXT];
	const enum rtstat_exit r = rtstat_take(o->path, page, error);

	if (r != RTSTAT_OK) {
		fprintf(stderr, "jkpylon-rtstat: %s\n", error);
	}
	return r;
}

static enum rtstat_exit watch(const struct rtstat_options *o)
{
	static struct rtstat_page page;
	static struct rtstat_page base;
	bool good = true;
	enum rtstat_exit r = take_or_say(o, &base);

	page = base;
	if (r == RTSTAT_OK && o->for_ns > 0) {
		rtstat_pause(o->for_ns);
		r = take_or_say(o, &page);
		if (r == RTSTAT_OK &&
		    (page.inode != base.inode || page.header.pid != base.header.pid ||
		     page.loop.resets != base.loop.resets)) {
			fprintf(stderr,
				"jkpylon-rtstat: the daemon has begun anew meanwhile: nothing to "
				"be judged\n");
			r = RTSTAT_DEAD;
		}
		rtstat_subtract(&page, &base);
	}
	if (r != RTSTAT_OK) {
		return r;
	}
	for (size_t i = 0; i < o->watches; i++) {
		good = rtstat_watch_judge(stdout, &page, &o->watch[i]) && good;
	}
	if (fflush(stdout) != 0) {
		return cannot_write("the output");
	}
	return good ? RTSTAT_OK : RTSTAT_UNMET;
}

static enum rtstat_exit reset(const struct rtstat_options *o)
{
	static struct rtstat_page page;
	char answer[CONTROL_TEXT_MAX];
	enum rtstat_exit r = take_or_say(o, &page);
	const uint32_t before = page.loop.resets;
	const int64_t end_ns = rtstat_now() + RESET_WAIT_NS;

	if (r != RTSTAT_OK) {
		return r;
	}
	if (control_ask(o->path, CONTROL_RESET, answer) != 0) {
		fprintf(stderr, "jkpylon-rtstat: %s\n", answer);
		return RTSTAT_REFUSED;
	}
	while (r == RTSTAT_OK && page.loop.resets == before && rtstat_now() < end_ns) {
		rtstat_pause(RESET_LOOK_NS);
		r = take_or_say(o, &page);
	}
	if (r == RTSTAT_OK && page.loop.resets == before) {
		fprintf(stderr,
			"jkpylon-rtstat: the daemon has taken the order but does not carry it out\n");
		return RTSTAT_REFUSED;
	}
	if (r == RTSTAT_OK) {
		puts(answer);
	}
	return r;
}

int main(int argc, char **argv)
{
	static struct rtstat_options o = {.path = STATS_DEFAULT_PATH, .time = STATS_WAKEUP};

	if (!rtstat_parse(argc, argv, &o)) {
		return RTSTAT_USAGE;
	}
	switch (o.form) {
	case RTSTAT_FORM_LIST:
		rtstat_list(stdout);
		return fflush(stdout) != 0 ? RTSTAT_OUTPUT : RTSTAT_OK;
	case RTSTAT_FORM_LIVE:
		return (int)rtstat_screen(o.path, o.every_ns > 0 ? o.every_ns : EVERY_SCREEN_NS);
	case RTSTAT_FORM_WATCH:
		return (int)watch(&o);
	case RTSTAT_FORM_RESET:
		return (int)reset(&o);
	case RTSTAT_FORM_TABLE:
	case RTSTAT_FORM_BARS:
	case RTSTAT_FORM_SVG:
	case RTSTAT_FORM_JSON:
	case RTSTAT_FORM_PROMETHEUS:
	default:
		return (int)show_again(&o);
	}
}
