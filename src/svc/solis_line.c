/* SPDX-License-Identifier: Apache-2.0 */
#include "solis_line.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define US_PER_MS 1000U

/* Return: 0; -ENOTUNIQ the descriptor leads to the device of the BMS, by whatever name; -errno. */
static int judge_device(int fd, const char *bms_device)
{
	struct stat own;
	struct stat bms;

	if (fstat(fd, &own) < 0) {
		return -errno;
	}
	if (!S_ISCHR(own.st_mode)) {
		return -ENOTTY;
	}
	if (stat(bms_device, &bms) == 0 && S_ISCHR(bms.st_mode) && bms.st_rdev == own.st_rdev) {
		return -ENOTUNIQ;
	}
	return 0;
}

/*
 * Looked at and locked before libmodbus changes its settings: it may belong to somebody else.
 */
static int lock_device(const struct solis_config *c)
{
	const int fd = open(c->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	int r = judge_device(fd, c->bms_device);

	if (r == 0 && isatty(fd) != 1) {
		r = -ENOTTY;
	}
	if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
	}
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

/* Return: 0 or -errno; the context is the caller's to free either way. */
static int set_up(modbus_t *m, const struct solis_config *c)
{
	if (modbus_set_slave(m, c->address) < 0 ||
	    modbus_set_response_timeout(m, 0, (uint32_t)c->answer_ms * US_PER_MS) < 0 ||
	    /* None between two bytes: the time above is for the answer as a whole. */
	    modbus_set_byte_timeout(m, 0, 0) < 0 ||
	    modbus_set_error_recovery(m, MODBUS_ERROR_RECOVERY_NONE) < 0 || modbus_connect(m) < 0) {
		return errno > 0 ? -errno : -EIO;
	}
	return 0;
}

int solis_line_open(const struct solis_config *c, struct solis_line *ret_line)
{
	const int fd = lock_device(c);

	if (fd < 0) {
		return fd;
	}
	modbus_t *m = modbus_new_rtu(c->device, c->baud, 'N', 8, 1);
	const int r = m == NULL ? -errno : set_up(m, c);

	if (r != 0) {
		if (m != NULL) {
			modbus_free(m);
		}
		(void)close(fd);
		return r;
	}
	*ret_line = (struct solis_line){.modbus = m, .lock_fd = fd};
	return 0;
}

/* What an errno of libmodbus means for us. */
static enum solis_result result_of(int error, int32_t *ret_exception)
{
	if (error > MODBUS_ENOBASE && error < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX) {
		*ret_exception = error - MODBUS_ENOBASE;
		return SOLIS_REFUSED;
	}
	switch (error) {
	case ETIMEDOUT:
		return SOLIS_SILENT;
	case EMBBADCRC:
	case EMBBADDATA:
	case EMBBADEXC:
	case EMBUNKEXC:
	case EMBMDATA:
	case EMBBADSLAVE:
		return SOLIS_DAMAGED;
	default:
		return SOLIS_LOST;
	}
}

enum solis_result solis_line_read(struct solis_line *line, uint16_t ret_reg[ECHO_REGISTERS],
				  int32_t *ret_exception)
{
	/* A late answer, or what others said on the line. */
	(void)modbus_flush(line->modbus);
	errno = 0;
	const int n = modbus_read_input_registers(line->modbus, ECHO_REGISTER_FIRST, ECHO_REGISTERS,
						  ret_reg);

	if (n < 0) {
		return result_of(errno, ret_exception);
	}
	return n == ECHO_REGISTERS ? SOLIS_READ : SOLIS_DAMAGED;
}

void solis_line_close(struct solis_line *line)
{
	if (line->modbus == NULL) {
		return;
	}
	/* What did not leave would hold up the closing. */
	(void)modbus_flush(line->modbus);
	modbus_close(line->modbus);
	modbus_free(line->modbus);
	(void)close(line->lock_fd);
	*line = (struct solis_line){.lock_fd = -1};
}
