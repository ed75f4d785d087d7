/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics page: making it, and reading it from another process. */
#include "rt/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/remedy.h"
#include "base/time.h"

#define PAGE_MODE      0644
#define LOCK_MODE      0600
#define DIRECTORY_MODE 0755
#define BOOT_ID_FILE   "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN    36
#define PATH_SIZE      280 /* a configured path with a suffix */
#define READ_ATTEMPTS  8

_Static_assert(sizeof(struct telemetry) % 8 == 0, "telemetry is a multiple of 8 bytes");
_Static_assert(sizeof(struct stats_loop) % 8 == 0, "counters are a multiple of 8 bytes");
_Static_assert(sizeof(struct stats_header) == 152, "fixed layout");
_Static_assert(sizeof(struct stats_page) < 64U * 1024U, "locked memory of a small board");

__attribute__((format(printf, 3, 4))) static int fail(char *ret_error, int error,
						      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret_error, STATS_ERROR_MAX, format, ap);
	va_end(ap);
	return -error;
}

static int fail_make(char *ret_error, int error, const char *path)
{
	const char *remedy = "give the user of the daemon a directory for it "
			     "(RuntimeDirectory=jkpylon in the service)";

	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case ENOLCK:
		remedy = remedy_of(error);
		break;
	default:
		break;
	}
	return fail(ret_error, error, "cannot make %s: %s: %s, or set rt.stats", path,
		    strerror(error), remedy);
}

/* Return: false if @path has none. @ret_dir: PATH_SIZE */
static bool directory_of(const char *path, char *ret_dir)
{
	const char *slash = strrchr(path, '/');
	const size_t len = slash == NULL ? 0U : (size_t)(slash - path);

	if (len == 0U || len >= PATH_SIZE) {
		return false;
	}
	memcpy(ret_dir, path, len);
	ret_dir[len] = '\0';
	return true;
}

static void make_directory(const char *path)
{
	char dir[PATH_SIZE];

	if (directory_of(path, dir)) {
		/* A failure shows when the file is made. */
		(void)mkdir(dir, DIRECTORY_MODE);
	}
}

/*
 * A daemon that root tries by hand must not leave a lock that the user of the service may not open. A file
 * that it did not make itself, or that has another name elsewhere, stays as it is.
 */
static void leave_to_owner_of_directory(int fd, const char *name)
{
	char dir[PATH_SIZE];
	struct stat file;
	struct stat above;

	if (geteuid() != 0 || !directory_of(name, dir) || stat(dir, &above) != 0 ||
	    fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_uid != 0 ||
	    file.st_nlink != 1 || file.st_size != 0) {
		return;
	}
	/* Where that is refused it stays root's: then its next user is told. */
	(void)!fchown(fd, above.st_uid, above.st_gid);
}

static int take_lock(const char *path, int *ret_fd, char *ret_error)
{
	char name[PATH_SIZE];

	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name)) {
		return fail_make(ret_error, ENAMETOOLONG, path);
	}
	const int fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);

	if (fd < 0) {
		return fail_make(ret_error, errno, name);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const int error = errno;

		close(fd);
		if (error == EWOULDBLOCK) {
			return fail(ret_error, error,
				    "another jkpylon is running (it holds %s): stop it first, or "
				    "give this one devices and an rt.stats of its own",
				    name);
		}
		return fail_make(ret_error, error, name);
	}
	leave_to_owner_of_directory(fd, name);
	*ret_fd = fd;
	return 0;
}

static void read_boot_id(char *ret_id, size_t size)
{
	const int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	memset(ret_id, 0, size);
	if (fd >= 0) {
		n = read(fd, ret_id, BOOT_ID_LEN);
		close(fd);
	}
	if (n != BOOT_ID_LEN) {
		memset(ret_id, 0, size);
		ret_id[0] = '-';
	}
}

static void fill_header(struct stats_page *page)
{
	struct stats_header *h = &page->header;
	struct timespec mono = {0};
	struct timespec wall = {0};

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	memcpy(h->magic, STATS_MAGIC, sizeof(h->magic));
	h->version = STATS_VERSION;
	h->size = (uint32_t)sizeof(*page);
	h->pid = (int32_t)getpid();
	h->start_ns = (int64_t)mono.tv_sec * NS_PER_S + mono.tv_nsec;
	h->start_wall_s = (int64_t)wall.tv_sec;
	read_boot_id(h->boot_id, sizeof(h->boot_id));
	snprintf(h->program, sizeof(h->program), "jkpylon %s", JKP_VERSION);
	h->telemetry_offset = (uint32_t)offsetof(struct stats_page, telemetry);
	h->telemetry_size = (uint32_t)sizeof(struct telemetry);
	h->loop_offset = (uint32_t)offsetof(struct stats_page, loop);
	h->loop_size = (uint32_t)sizeof(struct stats_loop);
	h->hist_offset = (uint32_t)offsetof(struct stats_page, hist);
	h->hist_cells = STATS_HIST_CELLS;
	h->hist_times = STATS_TIMES;
	h->hist_sub_bits = STATS_HIST_SUB_BITS;
	h->hist_unit_bits = STATS_HIST_UNIT_BITS;
	h->rules_offset = (uint32_t)offsetof(struct stats_page, rules);
	h->rules = RULES;
	h->directions = DIRS;
}

/* The file with all its blocks: a full disk shows here and not as a signal in the cycle. */
static struct stats_page *make_file(const char *name)
{
	struct stats_page *page = MAP_FAILED;
	const int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PAGE_MODE);
	int error;

	if (fd < 0) {
		return NULL;
	}
	error = posix_fallocate(fd, 0, (off_t)sizeof(*page));
	if (error == 0 && fchmod(fd, PAGE_MODE) != 0) {
		error = errno;
	}
	if (error == 0) {
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		error = page == MAP_FAILED ? errno : 0;
	}
	close(fd);
	if (error != 0) {
		unlink(name);
		errno = error;
		return NULL;
	}
	memset(page, 0, sizeof(*page));
	return page;
}

int stats_create(const char *path, struct stats_page **ret_page, int *ret_lock_fd, char *ret_error)
{
	char name[PATH_SIZE];
	struct stats_page *page;
	int lock_fd = -1;

	make_directory(path);
	int r = take_lock(path, &lock_fd, ret_error);

	if (r != 0) {
		return r;
	}
	/* Under the lock nobody else uses this name: what lies there was left behind. */
	if (snprintf(name, sizeof(name), "%s.new", path) >= (int)sizeof(name)) {
		close(lock_fd);
		return fail_make(ret_error, ENAMETOOLONG, path);
	}
	(void)unlink(name);
	page = make_file(name);
	if (page == NULL) {
		r = fail_make(ret_error, errno, path);
		close(lock_fd);
		return r;
	}
	fill_header(page);
	snapshot_init(&page->telemetry.head, sizeof(struct telemetry));
	snapshot_init(&page->loop.head, sizeof(struct stats_loop));
	if (rename(name, path) != 0) {
		r = fail_make(ret_error, errno, path);
		unlink(name);
		stats_destroy(page, lock_fd);
		return r;
	}
	*ret_page = page;
	*ret_lock_fd = lock_fd;
	return 0;
}

bool stats_in_memory(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) != 0) {
		return false;
	}
	/* signed or not, long or int: as the architecture likes it */
	const uint32_t type = (uint32_t)fs.f_type;

	return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

void stats_destroy(struct stats_page *page, int lock_fd)
{
	if (page != NULL) {
		munmap(page, sizeof(*page));
	}
	if (lock_fd >= 0) {
		close(lock_fd);
	}
}

int stats_check(const char *path, const struct stats_header *h, int64_t size, char *ret_error)
{
	if (memcmp(h->magic, STATS_MAGIC, sizeof(h->magic)) != 0) {
		return fail(ret_error, EPROTO,
			    "%s is no statistics page of jkpylon: see rt.stats in the "
			    "configuration of the daemon",
			    path);
	}
	if (h->version != STATS_VERSION) {
		return fail(ret_error, EPROTO,
			    "%s has layout version %u, this program reads version %u: use programs "
			    "of the same release",
			    path, h->version, STATS_VERSION);
	}
	if (h->size != sizeof(struct stats_page) || size < (int64_t)sizeof(struct stats_page) ||
	    h->telemetry_size != sizeof(struct telemetry) ||
	    h->loop_size != sizeof(struct stats_loop) || h->hist_cells != STATS_HIST_CELLS ||
	    h->hist_times != STATS_TIMES || h->rules != RULES) {
		return fail(ret_error, EPROTO,
			    "%s has a size of %u bytes (file: %" PRId64 "), this program reads "
			    "%zu: use programs of the same release",
			    path, h->size, size, sizeof(struct stats_page));
	}
	return 0;
}

int stats_open(const char *path, struct stats_reader *ret_reader, char *ret_error)
{
	struct stats_header header;
	struct stat st;
	void *map = MAP_FAILED;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

	memset(&header, 0, sizeof(header));
	if (fd < 0) {
		return fail(ret_error, errno, "cannot open %s: %s: is jkpylon running?", path,
			    strerror(errno));
	}
	if (fstat(fd, &st) != 0 || pread(fd, &header, sizeof(header), 0) < 0) {
		r = fail(ret_error, errno, "cannot read %s: %s", path, strerror(errno));
	} else {
		r = stats_check(path, &header, (int64_t)st.st_size, ret_error);
	}
	if (r == 0) {
		map = mmap(NULL, sizeof(struct stats_page), PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED) {
			r = fail(ret_error, errno, "cannot map %s: %s", path, strerror(errno));
		}
	}
	close(fd);
	if (r == 0) {
		ret_reader->page = map;
	}
	return r;
}

static bool read_part(const struct snapshot *s, size_t size, void *ret_value)
{
	/* A page that somebody damaged after the check: the size in it is not believed. */
	if (s->bytes != size) {
		return false;
	}
	for (int i = 0; i < READ_ATTEMPTS; i++) {
		if (snapshot_try_read(s, ret_value, size)) {
			return true;
		}
	}
	return false;
}

int stats_read(const struct stats_reader *reader, struct telemetry *ret_telemetry,
	       struct stats_loop *ret_loop)
{
	const struct stats_page *page = reader->page;

	if (ret_telemetry != NULL &&
	    !read_part(&page->telemetry.head, sizeof(*ret_telemetry), ret_telemetry)) {
		return -EAGAIN;
	}
	if (ret_loop != NULL && !read_part(&page->loop.head, sizeof(*ret_loop), ret_loop)) {
		return -EAGAIN;
	}
	return 0;
}

void stats_close(struct stats_reader *reader)
{
	if (reader->page != NULL) {
		void *map;

		memcpy(&map, &reader->page, sizeof(map));
		munmap(map, sizeof(struct stats_page));
		reader->page = NULL;
	}
}
