/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to the settings of the portal's service. */
#ifndef JKP_SRC_SEMS_SETTINGS_H
#define JKP_SRC_SEMS_SETTINGS_H

#include "conf/conf.h"
#include "svc/sems.h"

/**
 * sems_settings - what [sems] says, for the portal that is chosen there
 * @c: outlives @ret_settings, which points into it
 * @login_path: CONF_PATH_MAX bytes that outlive it as well
 *
 * A portal that is not chosen (none) counts as semsplus: jkpylon-probe tries it without.
 */
void sems_settings(const struct config *c, char *login_path, struct sems_config *ret_settings);

#endif
