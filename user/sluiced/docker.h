/* SPDX-License-Identifier: BSD-2-Clause */
/* A container's process by the Docker-compatible API, on a local socket. */
#ifndef SLUICE_SLUICED_DOCKER_H
#define SLUICE_SLUICED_DOCKER_H

#include "lib/err.h"
#include "sluiced/containers.h"

/* Asks the service on that socket. 0; -ENOENT if it has no such container; -ESRCH if that is not running; -errno. */
int docker_find(const char *socket_path, const char *name, struct container *ret, struct sl_err *err);
/* Those that run; pid is 0, it takes a docker_find() each to know it. What visit() returns ends it if it is not 0. */
int docker_list(const char *socket_path, container_visit visit, void *context, struct sl_err *err);

#endif
