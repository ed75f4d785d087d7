/* SPDX-License-Identifier: Apache-2.0 */
#include "base/remedy.h"

#include <errno.h>

const char *remedy_of(int error)
{
	switch (error) {
	case EMFILE:
		return "raise RLIMIT_NOFILE (LimitNOFILE= in the service)";
	case ENFILE:
		return "the machine has too many open files: end other programs, or raise fs.file-max";
	case ENOMEM:
		return "memory is short: end other programs, or raise RLIMIT_MEMLOCK "
		       "(LimitMEMLOCK=infinity) and MemoryMax= of the service";
	case EAGAIN:
		return "no more threads or no memory for them: raise RLIMIT_NPROC, TasksMax= of the "
		       "service and RLIMIT_MEMLOCK (LimitMEMLOCK=infinity)";
	case ENOSPC:
	case EDQUOT:
		return "free some space there";
	case EROFS:
		return "mount that file system writable, or give another path";
	case EPERM:
	case EACCES:
		return "the user of the daemon must be allowed to, and SystemCallFilter= and "
		       "ReadWritePaths= of the service must not forbid it";
	case EADDRINUSE:
		return "in use by another program: stop it";
	case ENOLCK:
		return "put it on a file system that knows locks";
	case ENOSYS:
		return "this kernel does not know it: Linux 5.11 or newer is needed";
	case EINVAL:
		return "this kernel, or a driver, does not know it";
	case EIO:
		return "the hardware may be failing: see the kernel's log (dmesg)";
	default:
		return "see the kernel's log (dmesg)";
	}
}
