/* SPDX-License-Identifier: Apache-2.0 */
/* Loads libcurl and unlocks what it brought. */
/* curl/curl.h replaces some functions by macros that check types: here they are wanted as they are. */
#define CURL_DISABLE_TYPECHECK
#include "sems_library.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/units.h"
#include "sems_curl.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define OBJECTS_MAX 256U

struct sems_library sems_library;

/**
 * struct objects - what is loaded
 * @overflow: there are more: then nothing is unlocked
 */
struct objects {
	uintptr_t base[OBJECTS_MAX];
	size_t count;
	bool overflow;
};

static int note_object(struct dl_phdr_info *info, size_t size, void *context)
{
	struct objects *o = context;

	(void)size;
	if (o->count < OBJECTS_MAX) {
		o->base[o->count++] = info->dlpi_addr;
	} else {
		o->overflow = true;
	}
	return 0;
}

static bool was_there(const struct objects *before, uintptr_t base)
{
	for (size_t i = 0; i < before->count; i++) {
		if (before->base[i] == base) {
			return true;
		}
	}
	return false;
}

static int unlock_object(struct dl_phdr_info *info, size_t size, void *context)
{
	const struct objects *before = context;
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	if (was_there(before, info->dlpi_addr)) {
		return 0;
	}
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];

		if (h->p_type == PT_LOAD) {
			const uintptr_t from = (info->dlpi_addr + h->p_vaddr) & ~(page - 1U);
			const uintptr_t to = info->dlpi_addr + h->p_vaddr + h->p_memsz;

			/* Not locked: nothing to do. */
			(void)munlock((const void *)from, to - from);
		}
	}
	return 0;
}

/* Return: 0 or -ELIBBAD. */
static int bind_all(void *handle, char ret_text[SEMS_LIBRARY_TEXT])
{
	const struct {
		const char *name;
		void **slot;
	} row[] = {
#define X(function) {#function, (void **)&sems_library.function},
		SEMS_LIBRARY_FUNCTIONS(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		*row[i].slot = dlsym(handle, row[i].name);
		if (*row[i].slot == NULL) {
			(void)snprintf(ret_text, SEMS_LIBRARY_TEXT, "%s lacks %s", SEMS_LIBRARY,
				       row[i].name);
			return -ELIBBAD;
		}
	}
	return 0;
}

int sems_curl_load(char ret_text[SEMS_LIBRARY_TEXT])
{
	static struct objects before;
	static bool noted;
	static bool loaded;

	ret_text[0] = '\0';
	if (loaded) {
		return 0;
	}
	/* Once: what a try that failed has left mapped is to be unlocked by the one that does not. */
	if (!noted) {
		(void)dl_iterate_phdr(note_object, &before);
		noted = true;
	}
	/* It is not unloaded: its libraries have left functions for the end of the process. */
	void *handle = dlopen(SEMS_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (handle == NULL) {
		const char *why = dlerror();

		(void)snprintf(ret_text, SEMS_LIBRARY_TEXT, "%s", why != NULL ? why : SEMS_LIBRARY);
		return -ENOENT;
	}
	const int r = bind_all(handle, ret_text);

	if (r != 0) {
		return r;
	}
	if (sems_library.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)snprintf(ret_text, SEMS_LIBRARY_TEXT, "%s cannot be set up", SEMS_LIBRARY);
		return -ELIBBAD;
	}
	if (!before.overflow) {
		(void)dl_iterate_phdr(unlock_object, &before);
	}
	loaded = true;
	return 0;
}
