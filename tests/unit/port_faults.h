/* SPDX-License-Identifier: BSD-2-Clause */
/* The stage for the tests of faults and sudden deaths: the daemon's own parts in this process, on a real port. */
#ifndef SLUICE_TESTS_PORT_FAULTS_H
#define SLUICE_TESTS_PORT_FAULTS_H

#include "sluiced/intercept.h"
#include "unit/port_lab.h"

struct stage {
	struct lab lab;
	struct instance inst;
	char *before; /* the port's picture */
	char target[64]; /* holds also in other processes */
};

/* Namespaces and a port with some of everything; this process is then in the agent's namespace. */
void stage_open(struct stage *stage);
void stage_close(struct stage *stage);
/* The daemon's parts, up to and with what the former one has left. 0 or -errno. */
int stage_start(struct stage *stage, struct sl_err *err);
void stage_stop(struct stage *stage);

int stage_take(struct stage *stage, struct sl_err *err);
/* Of the one port that is taken. */
int stage_give_back(struct stage *stage, struct sl_err *err);

/* What is left of the port's settings goes, and all of them come. */
void stage_dress_again(struct stage *stage);

/* The name, the MAC, up, the addresses; and the next stations are reached. */
void expect_home(const struct stage *stage, const char *what);
/* The workload sees what it saw at first, and frames flow both ways. `what` is for the message. */
void expect_port(const struct stage *stage, const char *what);
/* No interface, no journal, no state, no map entry and no pin of the port is left. */
void expect_clean(const struct stage *stage, const char *what);
/* Both. */
void expect_free(const struct stage *stage, const char *what);

#endif
