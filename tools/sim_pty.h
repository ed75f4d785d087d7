/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminal of the simulated BMS and the symbolic link that names it. */
#ifndef JKP_TOOLS_SIM_PTY_H
#define JKP_TOOLS_SIM_PTY_H

#define SIM_PATH_MAX 256
#define SIM_NAME_MAX 64

/**
 * sim_pty_open - a new pseudo terminal in raw mode, 115200 baud
 * @name: receives the path of its slave
 *
 * Return: non-blocking master, or -errno.
 */
int sim_pty_open(char name[SIM_NAME_MAX]);

/**
 * sim_pty_link - make or change the symbolic link @link to @target
 *
 * Return: 0; -EEXIST if @link is there and no symbolic link; another -errno.
 */
int sim_pty_link(const char *link, const char *target);

#endif
