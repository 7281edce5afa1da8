/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unnamed network namespaces, links between them, and commands inside them.
 *
 * Invariant: a namespace lives as long as its holder process, a command no
 * longer than the test; neither has a name that a parallel test could meet.
 */
#ifndef SLUICE_TESTS_NS_H
#define SLUICE_TESTS_NS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/frames.h"

struct ns {
	pid_t pid; /* of the holder */
	int fd; /* of the namespace, for setns(); -1 after ns_kill() */
	char path[32]; /* /proc/PID/ns/net */
	char label[16]; /* how messages call it */
};

/* lo is up. Fails the test if it cannot. */
struct ns *ns_create(const char *label);
/* The namespace of a process that is not a holder, e.g. of a container. */
struct ns *ns_of(pid_t pid, const char *label);
/* The holder is killed, and with it (no other process being in it) the namespace. */
void ns_kill(struct ns *ns);

/* A veth pair; a MAC may be NULL (the kernel's choice). Both ends are up. */
void link_pair(struct ns *a, const char *name_a, const char *mac_a, struct ns *b, const char *name_b,
	       const char *mac_b);
unsigned int link_index(struct ns *ns, const char *name); /* 0: not there */
bool link_exists(struct ns *ns, const char *name);
struct mac link_mac(struct ns *ns, const char *name);
/* Names of all links but lo, separated by blanks, in the order of their indexes. Valid until the next call. */
const char *link_names(struct ns *ns);

/* A socket made inside the namespace; a negative errno if it cannot be made. */
int ns_socket(struct ns *ns, int domain, int type, int protocol);

/* A shell command with stdout and stderr caught. */
struct proc {
	pid_t pid; /* 0 once it was waited for */
	int pidfd;
	int out; /* memfd */
	int status; /* exit status, 128 + signal */
	char *text;
};

/* ns NULL: the test's own. Runs to its end; exit status. What it said: ns_said(), valid until the next command. */
int ns_sh(struct ns *ns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *ns_said(void);
/* The same, but the test fails if the exit status is not 0. Returns what it said. */
const char *ns_run(struct ns *ns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* In the background, until proc_end() or the end of the test. The program replaces the shell, so signals reach it. */
struct proc *ns_spawn(struct ns *ns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The output so far. */
const char *proc_text(struct proc *proc);
/* Has it ended by itself, or does it within ms? */
bool proc_ended(struct proc *proc, int ms);
/* Sends the signal (0: none) and waits; the exit status, or -1 if it still runs after ms. */
int proc_end(struct proc *proc, int signal, int ms);

#endif
