/* SPDX-License-Identifier: Apache-2.0 */
/* Live screen of rtstat. See rtstat.h. */
#include "rtstat.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/units.h"

#define SCREEN_ON    "\033[?1049h\033[?25l\033[?7l"
#define SCREEN_OFF   "\033[?7h\033[?25h\033[?1049l"
#define HOME	     "\033[H"
#define CLEAR_LINE   "\033[K"
#define CLEAR_REST   "\033[J"
#define STRONG	     "\033[7m"
#define PLAIN	     "\033[m"
#define ROWS_DEFAULT 24
#define COLS_DEFAULT 80
#define FIXED_ROWS   (STATS_TIMES + 9) /* all but the bars and the counters */
#define COUNTERS_MAX 6
#define COUNTERS_COL 26
#define KEYS	     16
#define WAIT_MAX_MS  60000
#define PPM_50	     500000U
#define PPM_99	     990000U
#define PPM_999	     999000U

static volatile sig_atomic_t ended;
static volatile sig_atomic_t resized;

/**
 * struct screen - state between two pictures
 * @have: there is a page
 * @based: values are shown since @base, which the user has set
 * @last: the picture before, for rates
 */
struct screen {
	const char *path;
	int64_t every_ns;
	int rows;
	int columns;
	uint32_t selected;
	bool have;
	bool based;
	bool help;
	bool quit;
	char error[RTSTAT_TEXT];
	struct rtstat_page page;
	struct rtstat_page last;
	struct rtstat_page base;
	struct rtstat_page shown;
};

static void on_signal(int signo)
{
	if (signo == SIGWINCH) {
		resized = 1;
	} else {
		ended = 1;
	}
}

static void measure(struct screen *s)
{
	struct winsize w;

	s->rows = ROWS_DEFAULT;
	s->columns = COLS_DEFAULT;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0U && w.ws_col > 0U) {
		s->rows = w.ws_row;
		s->columns = w.ws_col;
	}
}

/* ---- picture ---- */

static void draw_help(FILE *f)
{
	fputs("\nkeys\n"
	      "  up, down, k, j   choose a time; its histogram is below the table\n"
	      "  b                show what happened from now on; again: since the beginning\n"
	      "  h, ?             this help\n"
	      "  q, Ctrl-C        quit\n\n"
	      "What starts and stops each clock: the choice shows it, rtstat(1) explains it.\n"
	      "Nothing here disturbs the daemon: the page is only read.\n",
	      f);
}

static double rate(const struct screen *s, uint64_t now, uint64_t before)
{
	const int64_t ns = s->page.loop.t_ns - s->last.loop.t_ns;

	return ns > 0 && now >= before ? (double)(now - before) * (double)NS_PER_S / (double)ns
				       : 0.0;
}

static void draw_time(FILE *f, const struct screen *s, uint32_t i)
{
	const struct rtstat_page *p = &s->shown;
	const struct rtstat_time t = rtstat_time(p, i);
	const double per_s = rate(s, stats_hist_count(s->page.cell[i]),
				  stats_hist_count(s->last.cell[i]));
	char text[5][RTSTAT_SHORT];

	fprintf(f, "%s%-12s%s", i == s->selected ? STRONG : "", stats_time_name(i), PLAIN);
	if (t.count == 0U) {
		fprintf(f, " %10s\n", "none");
		return;
	}
	fprintf(f, " %10" PRIu64 " %7.1f %9s %9s %9s %9s %9s\n", t.count, per_s,
		rtstat_ns(t.min_ns, text[0]), rtstat_ns(rtstat_quantile(p, i, PPM_50), text[1]),
		rtstat_ns(rtstat_quantile(p, i, PPM_99), text[2]),
		rtstat_ns(rtstat_quantile(p, i, PPM_999), text[3]), rtstat_ns(t.max_ns, text[4]));
}

/* Those that are not 0, as many as there is room for: faults are what one looks for. */
static void draw_counters(FILE *f, const struct screen *s, int lines)
{
	const int across = s->columns / COUNTERS_COL > 0 ? s->columns / COUNTERS_COL : 1;
	int n = 0;

	for (size_t i = 0; i < rtstat_counters_len && n < lines * across; i++) {
		const int64_t value = rtstat_counter(&s->shown, &rtstat_counters[i]);

		if (value != 0 && !rtstat_counters[i].gauge) {
			n++;
			fprintf(f, "%.18s %" PRId64, rtstat_counters[i].name, value);
			fputs(n % across == 0 ? "\n" : "  ", f);
		}
	}
	fputs(n % across == 0 ? "" : "\n", f);
}

static void compose(FILE *f, const struct screen *s)
{
	const int spare = s->rows - FIXED_ROWS;
	const int counters = spare / 3 < COUNTERS_MAX ? spare / 3 : COUNTERS_MAX;

	if (!s->have) {
		fprintf(f, "%s\n\nwaiting; q quits\n", s->error);
		return;
	}
	rtstat_heading(f, &s->shown);
	if (s->help) {
		draw_help(f);
		return;
	}
	fprintf(f, "\n%-12s %10s %7s %9s %9s %9s %9s %9s\n", s->based ? "since b" : "", "count",
		"per s", "min", "p50", "p99", "p99.9", "max");
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		draw_time(f, s, i);
	}
	fputc('\n', f);
	draw_counters(f, s, counters);
	if (spare - counters > 1) {
		fputc('\n', f);
		rtstat_bars(f, &s->shown, s->selected, spare - counters - 1, s->columns);
	}
}

/* What is composed, cut to the rows of the terminal; it cuts long lines itself. */
static void draw(const struct screen *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	const char *line;
	int row = 1;

	if (f == NULL) {
		return;
	}
	compose(f, s);
	if (fclose(f) != 0 || text == NULL) {
		free(text);
		return;
	}
	line = text;
	fputs(HOME, stdout);
	while (*line != '\0' && row < s->rows) {
		const size_t len = strcspn(line, "\n");

		(void)fwrite(line, 1, len, stdout);
		fputs(CLEAR_LINE "\n", stdout);
		line += len + (line[len] == '\n' ? 1U : 0U);
		row++;
	}
	fputs(CLEAR_REST STRONG " h help  q quit " PLAIN, stdout);
	fflush(stdout);
	free(text);
}

/* ---- state ---- */

static void look(struct screen *s)
{
	static struct rtstat_page now;
	const enum rtstat_exit r = rtstat_take(s->path, &now, s->error);

	if (r != RTSTAT_OK && r != RTSTAT_DEAD) {
		s->have = false;
		return;
	}
	/* Another worker, or one that has begun anew, counts from 0. */
	if (!s->have || now.inode != s->page.inode || now.loop.resets != s->page.loop.resets ||
	    now.header.pid != s->page.header.pid) {
		s->based = false;
		s->page = now;
	}
	s->have = true;
	s->last = s->page;
	s->page = now;
	s->shown = now;
	if (s->based) {
		rtstat_subtract(&s->shown, &s->base);
	}
}

static void take_key(struct screen *s, char key)
{
	switch (key) {
	case 'q':
	case 'Q':
		s->quit = true;
		break;
	case 'h':
	case '?':
		s->help = !s->help;
		break;
	case 'b':
		s->based = !s->based && s->have;
		s->base = s->page;
		break;
	case 'A': /* the end of the sequences of the arrows */
	case 'k':
		s->selected = (s->selected + STATS_TIMES - 1U) % STATS_TIMES;
		break;
	case 'B':
	case 'j':
		s->selected = (s->selected + 1U) % STATS_TIMES;
		break;
	default:
		break;
	}
}

/* Return: false if there is no more input. */
static bool wait_for_key(struct screen *s, int64_t ns)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	/* A terminal that was not read makes us late, and less than 0 would be for ever. */
	const int64_t ms = clamp_i64(ns / NS_PER_MS, 0, WAIT_MAX_MS);
	char keys[KEYS];

	if (poll(&p, 1, (int)ms) <= 0) {
		return true;
	}
	const ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		return false;
	}
	for (ssize_t i = 0; i < n; i++) {
		take_key(s, keys[i]);
	}
	return true;
}

static void run(struct screen *s)
{
	int64_t next_ns = 0;

	while (ended == 0 && !s->quit) {
		const int64_t now_ns = rtstat_now();

		if (resized != 0) {
			resized = 0;
			measure(s);
		}
		if (now_ns >= next_ns) {
			next_ns = now_ns + s->every_ns;
			look(s);
		} else if (s->have && s->based) {
			s->shown = s->page;
			rtstat_subtract(&s->shown, &s->base);
		} else if (s->have) {
			s->shown = s->page;
		}
		draw(s);
		if (!wait_for_key(s, next_ns - rtstat_now() + NS_PER_MS)) {
			return;
		}
	}
}

enum rtstat_exit rtstat_screen(const char *path, int64_t every_ns)
{
	static struct screen s;
	const struct sigaction act = {.sa_handler = on_signal};
	struct termios before;

	if (tcgetattr(STDIN_FILENO, &before) != 0) {
		fprintf(stderr,
			"jkpylon-rtstat: the live screen needs a terminal for its keys; --table "
			"needs none\n");
		return RTSTAT_USAGE;
	}
	struct termios raw = before;

	s.path = path;
	s.every_ns = every_ns;
	measure(&s);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGWINCH, &act, NULL);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(SCREEN_ON, stdout);
	run(&s);
	fputs(SCREEN_OFF, stdout);
	fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return RTSTAT_OK;
}
