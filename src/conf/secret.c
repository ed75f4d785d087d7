/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold secrets: where they lie, and that others cannot read them (FLT-58). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "conf_private.h"

#define CREDENTIAL	"credential:"
#define FOLDER		"CREDENTIALS_DIRECTORY" /* set by the service manager */
#define SECRET_NAME_MAX 64U
#define OTHERS		(S_IRWXG | S_IRWXO)

static bool is_credential(const char *value)
{
	return strncmp(value, CREDENTIAL, strlen(CREDENTIAL)) == 0;
}

const char *conf_check_secret(const char *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!is_credential(value)) {
		return conf_check_file(value);
	}
	const char *name = value + strlen(CREDENTIAL);
	const size_t len = strlen(name);

	return len > 0 && len <= SECRET_NAME_MAX && name[0] != '.' && strspn(name, allowed) == len
		       ? NULL
		       : "credential: needs the name of a credential of the service, for example "
			 "credential:mqtt";
}

bool conf_secret_path(const char *value, char *ret_path)
{
	const char *folder = getenv(FOLDER);

	ret_path[0] = '\0';
	if (!is_credential(value)) {
		(void)snprintf(ret_path, CONF_PATH_MAX, "%s", value);
		return false;
	}
	if (folder != NULL && (size_t)snprintf(ret_path, CONF_PATH_MAX, "%s/%s", folder,
					       value + strlen(CREDENTIAL)) >= CONF_PATH_MAX) {
		ret_path[0] = '\0';
	}
	return true;
}

/* A credential exists only while the service runs; then the service manager has seen to it. */
static int check_secret(const char *key, const char *value, struct config_fault *ret_fault)
{
	struct stat st;

	if (value[0] == '\0' || is_credential(value)) {
		return 0;
	}
	if (stat(value, &st) != 0) {
		*ret_fault = (struct config_fault){key, NULL,
						   "there is no such file, or its folder "
						   "cannot be read: make it, with mode "
						   "0600, for the user of the daemon"};
		return -EINVAL;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_fault = (struct config_fault){key, NULL, "this is no file"};
		return -EINVAL;
	}
	if (access(value, R_OK) != 0) {
		*ret_fault = (struct config_fault){
			key, NULL,
			"this user cannot read it: chown it to the user of the daemon, mode 0600"};
		return -EINVAL;
	}
	if ((st.st_mode & OTHERS) != 0U) {
		*ret_fault = (struct config_fault){
			key, NULL,
			"others can read this secret: chmod 0600, and let it belong to the user of "
			"the daemon"};
		return -EINVAL;
	}
	return 0;
}

int conf_check_files(const struct config *config, struct config_fault *ret_fault)
{
	const bool mqtt = config->mqtt_host[0] != '\0';
	const bool sems = config->sems_portal != SEMS_PORTAL_NONE;
	const struct {
		const char *key;
		const char *value;
	} row[] = {
		{"mqtt.password_file", mqtt ? config->mqtt_password_file : ""},
		{"mqtt.key_file", mqtt ? config->mqtt_key_file : ""},
		{"sems.login_file", sems ? config->sems_login_file : ""},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (check_secret(row[i].key, row[i].value, ret_fault) != 0) {
			return -EINVAL;
		}
	}
	return 0;
}
