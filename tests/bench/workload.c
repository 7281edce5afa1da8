// SPDX-License-Identifier: BSD-2-Clause
/*
 * Workloads with plain veth ports, and what of the machine the measurements
 * hold still: the clock, the CPUs, the devices' drop figures.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/lab.h"

#define SUBNET 0xc6120000U /* 198.18.0.0/15 is set aside for benches (RFC 2544) */

static unsigned int made;

static int wire(const struct workload *w, struct sl_err *err)
{
	const __u8 *h = w->host_mac, *m = w->mac;
	char host_ip[INET_ADDRSTRLEN], ip[INET_ADDRSTRLEN];
	int r;

	inet_ntop(AF_INET, &w->host_ip, host_ip, sizeof(host_ip));
	inet_ntop(AF_INET, &w->ip, ip, sizeof(ip));
	r = lab_run(NULL, err,
		    "ip link add %s address %02x:%02x:%02x:%02x:%02x:%02x type veth peer name eth0 address "
		    "%02x:%02x:%02x:%02x:%02x:%02x netns %d",
		    w->host_if, h[0], h[1], h[2], h[3], h[4], h[5], m[0], m[1], m[2], m[3], m[4], m[5],
		    w->ns.pid);
	/* No IPv6 chatter: frames that nobody sent on purpose would disturb the books. */
	r = r ?: lab_run(NULL, err, "ip link set %s addrgenmode none up", w->host_if);
	r = r ?: lab_run(NULL, err, "ip addr add %s/24 dev %s", host_ip, w->host_if);
	r = r ?: lab_run(&w->ns, err, "ip link set lo up");
	r = r ?: lab_run(&w->ns, err, "ip link set eth0 addrgenmode none up");
	r = r ?: lab_run(&w->ns, err, "ip addr add %s/24 dev eth0", ip);
	return r;
}

int workload_make(struct workload *ret, struct sl_err *err)
{
	struct workload w = { .number = ++made };
	__u32 net = SUBNET + (w.number << 8);
	int r;

	if (w.number > 250)
		return sl_err(err, ENOSPC, "more than 250 workloads in one run of the bench");
	snprintf(w.host_if, sizeof(w.host_if), "wl%u", w.number);
	memcpy(w.host_mac, (const __u8[]){ 0x02, 0x12, 0, 0, 1, w.number }, LAB_MAC_LEN);
	memcpy(w.mac, (const __u8[]){ 0x02, 0x12, 0, 0, 2, w.number }, LAB_MAC_LEN);
	w.host_ip.s_addr = htonl(net + 1);
	w.ip.s_addr = htonl(net + 2);
	r = ns_make(&w.ns, err);
	if (r)
		return r;
	r = wire(&w, err);
	if (r) {
		ns_end(&w.ns);
		return r;
	}
	*ret = w;
	return 0;
}

void workload_end(struct workload *workload)
{
	/* The pair goes with the namespace that holds its other end; here it is only faster. */
	if (workload->ns.pid)
		lab_run(NULL, NULL, "ip link del %s", workload->host_if);
	ns_end(&workload->ns);
}

struct figures {
	__u64 received, tx_drops;
};

/* Shows each device of the namespace, its name and its figures, to visit(). 0 or -errno. */
static int each_device(const struct ns *ns,
		       void (*visit)(void *context, const char *name, const struct figures *figures),
		       void *context, struct sl_err *err)
{
	char path[64], line[512], name[32];
	FILE *file;

	if (ns)
		snprintf(path, sizeof(path), "/proc/%d/net/dev", ns->pid);
	else
		snprintf(path, sizeof(path), "/proc/self/net/dev");
	file = fopen(path, "re");
	if (!file)
		return sl_errno(err, errno, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		unsigned long long received, drops;

		/* bytes packets errs drop fifo frame compressed multicast, then the same for sending. */
		if (sscanf(line, " %31[^:]: %*u %llu %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", name,
			   &received, &drops) == 3)
			visit(context, name, &(struct figures){ received, drops });
	}
	fclose(file);
	return 0;
}

struct search {
	const char *prefix;
	struct figures sum;
	char name[32]; /* the first that was found */
};

static void match(void *context, const char *name, const struct figures *figures)
{
	struct search *search = context;

	if (strncmp(name, search->prefix, strlen(search->prefix)))
		return;
	search->sum.received += figures->received;
	search->sum.tx_drops += figures->tx_drops;
	if (!search->name[0])
		snprintf(search->name, sizeof(search->name), "%s", name);
}

int lab_tx_drops(const struct ns *ns, const char *prefix, __u64 *ret, struct sl_err *err)
{
	struct search search = { .prefix = prefix };
	int r = each_device(ns, match, &search, err);

	if (!r)
		*ret = search.sum.tx_drops;
	return r;
}

int lab_rx_frames(const struct ns *ns, const char *prefix, __u64 *ret, struct sl_err *err)
{
	struct search search = { .prefix = prefix };
	int r = each_device(ns, match, &search, err);

	if (!r)
		*ret = search.sum.received;
	return r;
}

int lab_find_device(const struct ns *ns, const char *prefix, char *ret, size_t size, struct sl_err *err)
{
	struct search search = { .prefix = prefix };
	int r = each_device(ns, match, &search, err);

	if (r)
		return r;
	if (!search.name[0])
		return sl_err(err, ENODEV, "no interface %s… in the namespace of %d", prefix,
			      ns ? ns->pid : 0);
	snprintf(ret, size, "%s", search.name);
	return 0;
}

__u64 lab_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

__s64 lab_busy_ns(void)
{
	/* cpu user nice system idle iowait irq softirq steal: proc(5). Steal is another machine's work. */
	unsigned long long idle, iowait, steal;
	FILE *file = fopen("/proc/stat", "re");
	int n = 0;

	if (file) {
		n = fscanf(file, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle, &iowait, &steal);
		fclose(file);
	}
	/*
	 * What is not idle. The kernel knows to the microsecond when a processor idles, but what it works at only from
	 * where each tick finds it: of what is woken by timers, as a paced sender is, that is all or nothing.
	 */
	return n == 3 ? (__s64)lab_now_ns() * sysconf(_SC_NPROCESSORS_ONLN) -
				(__s64)(idle + iowait + steal) * (1000000000LL / sysconf(_SC_CLK_TCK))
		      : 0;
}

void lab_wait_until(__u64 ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static void one_cpu(unsigned int cpu, cpu_set_t *set)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	CPU_ZERO(set);
	CPU_SET(cpu % (n > 0 ? n : 1), set);
}

void lab_pin(unsigned int cpu)
{
	cpu_set_t set;

	one_cpu(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void lab_unpin(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	sched_setaffinity(0, sizeof(set), &set);
}

/* What is to be done with a thread. 0 or -errno. */
typedef int (*thread_call)(pid_t tid, void *context, struct sl_err *err);

static int each_thread(pid_t pid, thread_call call, void *context, struct sl_err *err)
{
	struct dirent *entry;
	char path[64];
	int r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return sl_errno(err, errno, "threads of process %d", pid);
	while (!r && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		if (tid > 0)
			r = call(tid, context, err);
	}
	closedir(dir);
	return r;
}

static int pin_thread(pid_t tid, void *context, struct sl_err *err)
{
	return sched_setaffinity(tid, sizeof(cpu_set_t), context)
		       ? sl_errno(err, errno, "pinning thread %d", tid)
		       : 0;
}

int lab_pin_process(pid_t pid, unsigned int cpu, struct sl_err *err)
{
	cpu_set_t set;

	one_cpu(cpu, &set);
	return each_thread(pid, pin_thread, &set, err);
}

static int add_thread_ns(pid_t tid, void *context, struct sl_err *err)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", tid);
	file = fopen(path, "re");
	if (file) {
		n = fscanf(file, "%llu", &ns);
		fclose(file);
	}
	*(__u64 *)context += ns;
	return n == 1 ? 0 : sl_err(err, ENODATA, "%s says nothing", path);
}

int lab_process_ns(pid_t pid, __u64 *ret, struct sl_err *err)
{
	*ret = 0;
	return each_thread(pid, add_thread_ns, ret, err);
}
