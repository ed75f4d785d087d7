/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated portal of GoodWe. */
#ifndef JKP_TOOLS_SIM_SEMS_H
#define JKP_TOOLS_SIM_SEMS_H

/* jkpylon-sim sems. Return: exit status, if the simulator could not be started. */
int sim_sems_main(int argc, char **argv);

#endif
