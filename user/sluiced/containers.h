/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which process is the container of that name? Read from podman's own files,
 * else asked from a Docker-compatible service on its local socket.
 *
 * Invariant: what these files and services say is not trusted: sizes are
 * limited, and a pid counts only if that process can be the container's.
 */
#ifndef SLUICE_SLUICED_CONTAINERS_H
#define SLUICE_SLUICED_CONTAINERS_H

#include <sys/types.h>

#include "lib/err.h"

#define CONTAINER_NAME_LEN 128

struct container {
	char id[CONTAINER_NAME_LEN];
	char name[CONTAINER_NAME_LEN]; /* the id again if it has none */
	pid_t pid;
};

/*
 * name: a name, an id, or the beginning of exactly one id. 0; -ENOENT if
 * nobody knows it; -ENOTUNIQ with the candidates; -ESRCH if it is not
 * running; -EINVAL if no container can be called that.
 */
int container_find(const char *name, struct container *ret, struct sl_err *err);

/*
 * All that run, each once: those of podman's storage and, behind them, what
 * services know besides. A visitor that returns other than 0 ends it, and that
 * is the result. A service that does not answer is passed over, unless nobody
 * else has any: then its error is the result.
 */
typedef int (*container_visit)(void *context, const struct container *container);
int containers_list(container_visit visit, void *context, struct sl_err *err);

/* The folder that stands for "/" in all paths looked at: for tests. Static string. */
void containers_set_root(const char *root);

#endif
