/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces, workloads with a plain veth port, and programs run in them.
 *
 * The bench's own network namespace plays the host. Everything is made inside
 * a process, mount and network namespace of its own, so it vanishes with the
 * process, however that ends.
 */
#ifndef SLUICE_BENCH_LAB_H
#define SLUICE_BENCH_LAB_H

#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "lib/err.h"

#define LAB_MAC_LEN 6
#define LAB_WORDS_MAX 64

/*
 * Starts `body` as first process of new PID, mount and network namespaces with
 * a fresh /proc, /run and bpffs, and waits for it. Its exit status or -errno.
 */
int lab_isolate(int (*body)(void *context), void *context, struct sl_err *err);

/* A network namespace held by a child process. */
struct ns {
	pid_t pid; /* 0: none */
	int fd;
};
int ns_make(struct ns *ret, struct sl_err *err);
void ns_end(struct ns *ns);

/* Runs words (split at blanks, no shell) in ns (NULL: the host's), waits; what it printed goes to the error's text. */
int lab_run(const struct ns *ns, struct sl_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with the words given, and what it printed (cut to size) in out. Its exit status other than 0 is -EIO. */
int lab_capture(const struct ns *ns, char *out, size_t size, char *const words[], struct sl_err *err);

/*
 * Starts words in ns. Its output goes to *ret_out, a descriptor, if that is
 * not NULL, else to ours. The child dies with us. Its pid or -errno.
 */
pid_t lab_start(const struct ns *ns, int *ret_out, char *const words[], struct sl_err *err);
/* SIGTERM, and SIGKILL after two seconds; waits. 0 or less: nothing. */
void lab_stop(pid_t pid);

/* Forks a child in ns that runs body() and dies with us. Its pid or -errno. */
pid_t lab_fork(const struct ns *ns, int (*body)(void *context), void *context, struct sl_err *err);

/* A line of text from fd within two seconds; 0 or -errno. */
int lab_read_line(int fd, char *line, size_t size);

/* One workload: eth0 in its namespace, the other end here. */
struct workload {
	struct ns ns;
	unsigned int number; /* 1..250, once per run of the bench */
	char host_if[16];
	__u8 host_mac[LAB_MAC_LEN], mac[LAB_MAC_LEN];
	struct in_addr host_ip, ip;
};
int workload_make(struct workload *ret, struct sl_err *err);
void workload_end(struct workload *workload);

/* Frames that devices of the namespace (NULL: the host's) could not hand on, summed over those whose name starts with prefix. */
int lab_tx_drops(const struct ns *ns, const char *prefix, __u64 *ret, struct sl_err *err);

/* Frames that they received. */
int lab_rx_frames(const struct ns *ns, const char *prefix, __u64 *ret, struct sl_err *err);

/* The first device of the namespace whose name starts with prefix. 0 or -ENODEV. */
int lab_find_device(const struct ns *ns, const char *prefix, char *ret, size_t size, struct sl_err *err);

/* CLOCK_MONOTONIC. */
__u64 lab_now_ns(void);
/*
 * What all processors together have worked, to be compared with an earlier answer; 0 if it cannot be read. The kernel
 * tells it in hundredths of a second, so a difference may be one of them off, and below nothing.
 */
#define LAB_BUSY_STEP_NS 10000000
__s64 lab_busy_ns(void);
/* Waits until then. */
void lab_wait_until(__u64 ns);
/* Pins the calling thread; a CPU that is not there is taken modulo their number. */
void lab_pin(unsigned int cpu);
void lab_unpin(void);
/* Pins every thread of a process. */
int lab_pin_process(pid_t pid, unsigned int cpu, struct sl_err *err);
/* What all its threads have worked so far, to the nanosecond: ticks miss who sleeps by a timer. 0 or -errno. */
int lab_process_ns(pid_t pid, __u64 *ret, struct sl_err *err);

#endif
