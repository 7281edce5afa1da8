// SPDX-License-Identifier: BSD-2-Clause
/*
 * Starting, asking and ending one instance of sluice, as a user would: by its
 * options, its readiness message and sluicectl.
 *
 * Invariant: nothing of an instance outlives agent_end(), its folder included.
 */
#include "bench/agent.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/bench.h"

#define READY_MS 15000
#define ANSWER 8192

static unsigned int started;

/* The end of the daemon's log behind the error's text: it knows better what is wrong. */
static int with_log(const struct agent *agent, struct sl_err *err)
{
	char text[257];
	FILE *file = fopen(agent->log, "re");
	size_t n = 0;

	if (file) {
		if (fseek(file, -256, SEEK_END))
			rewind(file);
		n = fread(text, 1, 256, file);
		fclose(file);
	}
	text[n] = '\0';
	for (char *c = text; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	if (n && err) {
		size_t used = strlen(err->text);

		snprintf(err->text + used, sizeof(err->text) - used, "; the daemon said: %s", text);
	}
	return err ? -err->code : -EIO;
}

static int open_notify(const char *path, struct sl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return sl_errno(err, errno, "socket for the daemon's readiness");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int r = sl_errno(err, errno, "socket %s for the daemon's readiness", path);

		close(fd);
		return r;
	}
	return fd;
}

/* 0 when READY=1 has come in; an end of the daemon shows as a timeout's cause in its log. */
static int wait_ready(int fd, struct sl_err *err)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	__u64 limit = lab_now_ns() + READY_MS * 1000000ULL;
	char message[512];

	while (lab_now_ns() < limit && poll(&pollfd, 1, READY_MS) == 1) {
		ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

		if (n < 0)
			break;
		message[n] = '\0';
		if (strstr(message, "READY=1"))
			return 0;
	}
	return sl_err(err, ETIMEDOUT, "sluiced was not ready within %d s", READY_MS / 1000);
}

/* So many rules for what nobody sends, before the default that lets all pass: the core has to ask. */
static int write_policy(const char *path, struct sl_err *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return sl_errno(err, errno, "%s", path);
	fprintf(file, "version: 1\ndefault: {mode: protect, ingress: allow, egress: allow}\nrules:\n");
	for (unsigned int id = 1; id <= AGENT_RULES; id++)
		fprintf(file, "  - {id: %u, direction: both, protocol: tcp, ports: %u, action: deny}\n", id,
			20000 + id);
	return fclose(file) ? sl_errno(err, errno, "%s", path) : 0;
}

/* Connections of one source come as fast as they can here: counted as ever, and no flood. */
static int write_conf(const char *path, struct sl_err *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return sl_errno(err, errno, "%s", path);
	fprintf(file, "[threats]\nsyn_flood = 100000000\n");
	return fclose(file) ? sl_errno(err, errno, "%s", path) : 0;
}

/* The command line, and the texts that it points to. */
struct command {
	char *words[LAB_WORDS_MAX];
	unsigned int n;
	char path[SL_ERR_LEN], dpi[512], netns[64], policy[96], conf[96], options[128];
};

static void add_words(struct command *command, char *first, char *second)
{
	command->words[command->n++] = first;
	command->words[command->n++] = second;
}

/* options: more of them, separated by blanks. 0 or -errno. */
static int make_command(const struct agent *agent, const char *options, struct command *ret,
			struct sl_err *err)
{
	struct command *c = ret;
	char *save = NULL;
	int r = 0;

	*c = (struct command){ 0 };
	snprintf(c->path, sizeof(c->path), "%.500s/sluiced", bench_build());
	snprintf(c->dpi, sizeof(c->dpi), "%.490s/sluice-dpi", bench_build());
	snprintf(c->netns, sizeof(c->netns), "/proc/%d/ns/net", agent->ns.pid);
	snprintf(c->policy, sizeof(c->policy), "%s/policy.yaml", agent->run_dir);
	snprintf(c->conf, sizeof(c->conf), "%s/sluiced.conf", agent->run_dir);
	snprintf(c->options, sizeof(c->options), "%s", options);
	c->words[c->n++] = c->path;
	add_words(c, "--netns", c->netns);
	add_words(c, "--instance", (char *)agent->instance);
	add_words(c, "--run-dir", (char *)agent->run_dir);
	add_words(c, "--dpi-path", c->dpi);
	add_words(c, "--log-level", "info");
	add_words(c, "--verdicts", agent->core == AGENT_JUDGED ? "yes" : "no");
	if (agent->core == AGENT_RING) {
		add_words(c, "--dpi", "external");
	} else {
		r = write_policy(c->policy, err);
		r = r ?: write_conf(c->conf, err);
		add_words(c, "--policy", c->policy);
		add_words(c, "--config", c->conf);
	}
	for (char *word = strtok_r(c->options, " ", &save); word && c->n + 1 < LAB_WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		c->words[c->n++] = word;
	return r;
}

static int start_daemon(struct agent *agent, const char *options, struct sl_err *err)
{
	int fd, saved, log, r;
	struct command command;
	char notify[96];

	r = make_command(agent, options, &command, err);
	if (r)
		return r;
	snprintf(notify, sizeof(notify), "%s/notify", agent->run_dir);
	fd = open_notify(notify, err);
	if (fd < 0)
		return fd;
	setenv("NOTIFY_SOCKET", notify, 1);
	log = open(agent->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	saved = dup(STDERR_FILENO);
	if (log >= 0)
		dup2(log, STDERR_FILENO);
	agent->daemon = lab_start(NULL, NULL, command.words, err);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(log);
	unsetenv("NOTIFY_SOCKET");
	r = agent->daemon < 0 ? agent->daemon : wait_ready(fd, err);
	close(fd);
	return r;
}

static int start_ring(struct agent *agent, struct sl_err *err)
{
	char path[512], line[64];
	char *words[] = { path, "vth", NULL };

	snprintf(path, sizeof(path), "%.480s/tests/tools/ring-forwarder", bench_build());
	agent->ring = lab_start(&agent->ns, &agent->ring_out, words, err);
	if (agent->ring < 0)
		return agent->ring;
	if (lab_read_line(agent->ring_out, line, sizeof(line)) || strcmp(line, "ready"))
		return sl_err(err, EIO, "the yardstick did not start");
	return 0;
}

int agent_start(struct agent *ret, enum agent_core core, struct sl_err *err)
{
	return agent_start_with(ret, core, "", err);
}

int agent_start_with(struct agent *ret, enum agent_core core, const char *options, struct sl_err *err)
{
	struct agent agent = { .core = core, .ring_out = -1, .maps = SL_MAPS_NONE };
	char pins[128];
	int r;

	snprintf(agent.instance, sizeof(agent.instance), "bench%d-%u", getpid(), ++started);
	snprintf(agent.run_dir, sizeof(agent.run_dir), "/run/sluice-bench.XXXXXX");
	if (!mkdtemp(agent.run_dir))
		return sl_errno(err, errno, "folder %s", agent.run_dir);
	snprintf(agent.log, sizeof(agent.log), "%s/sluiced.log", agent.run_dir);
	r = ns_make(&agent.ns, err);
	r = r ?: start_daemon(&agent, options, err);
	snprintf(pins, sizeof(pins), "/sys/fs/bpf/sluice/%s", agent.instance);
	r = r ?: sl_maps_open(&agent.maps, pins, err);
	if (!r && core == AGENT_RING)
		r = start_ring(&agent, err);
	if (r) {
		with_log(&agent, err);
		agent_end(&agent);
		return r;
	}
	*ret = agent;
	return 0;
}

/* sluicectl -i INSTANCE --run-dir DIR word … */
static int control(struct agent *agent, struct sl_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int control(struct agent *agent, struct sl_err *err, const char *fmt, ...)
{
	char line[512], out[ANSWER], path[512], *words[32], *save = NULL;
	unsigned int n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%.490s/sluicectl", bench_build());
	words[n++] = path;
	words[n++] = "-i";
	words[n++] = agent->instance;
	words[n++] = "--run-dir";
	words[n++] = agent->run_dir;
	for (char *word = strtok_r(line, " ", &save); word && n < 31; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	words[n] = NULL;
	return lab_capture(NULL, out, sizeof(out), words, err);
}

int agent_intercept(struct agent *agent, const struct workload *workload, const char *mode,
		    struct sl_err *err)
{
	return control(agent, err, "intercept netns:/proc/%d/ns/net --port eth0 --mode %s", workload->ns.pid,
		       mode);
}

int agent_release(struct agent *agent, const struct workload *workload, struct sl_err *err)
{
	return control(agent, err, "release netns:/proc/%d/ns/net", workload->ns.pid);
}

int agent_mode(struct agent *agent, const struct workload *workload, const char *mode, struct sl_err *err)
{
	return control(agent, err, "mode netns:/proc/%d/ns/net %s", workload->ns.pid, mode);
}

static int core_record(struct agent *agent, struct sl_core *ret, struct sl_err *err)
{
	__u32 queue = 0;

	return bpf_map_lookup_elem(agent->maps.core, &queue, ret)
		       ? sl_errno(err, errno, "the core's record of instance %s", agent->instance)
		       : 0;
}

int agent_core_pid(struct agent *agent, pid_t *ret, struct sl_err *err)
{
	struct sl_core record = { 0 };
	int r = core_record(agent, &record, err);

	if (!r)
		*ret = (pid_t)record.pid;
	return r;
}

/* The core's, or the yardstick's. */
static int forwarder(struct agent *agent, pid_t *ret, struct sl_err *err)
{
	if (agent->core != AGENT_RING)
		return agent_core_pid(agent, ret, err);
	*ret = agent->ring;
	return 0;
}

int agent_pin_core(struct agent *agent, unsigned int cpu, struct sl_err *err)
{
	pid_t pid = 0;
	int r = forwarder(agent, &pid, err);

	return r ?: lab_pin_process(pid, cpu, err);
}

int agent_core_ns(struct agent *agent, __u64 *ret, struct sl_err *err)
{
	pid_t pid = 0;
	int r = forwarder(agent, &pid, err);

	return r ?: lab_process_ns(pid, ret, err);
}

/* The yardstick's own drops, by the line it prints when asked. */
static int ring_drops(struct agent *agent, __u64 *ret, struct sl_err *err)
{
	unsigned long long full, cut, bad, kernel;
	char line[256];

	kill(agent->ring, SIGUSR1);
	if (lab_read_line(agent->ring_out, line, sizeof(line)) ||
	    sscanf(line, "rx %*u tx %*u full %llu cut %llu bad %llu kernel %llu", &full, &cut, &bad,
		   &kernel) != 4)
		return sl_err(err, EIO, "the yardstick does not answer");
	*ret = full + cut + bad + kernel;
	return 0;
}

/* Of all workers; those that are not there have dropped nothing. */
static int core_drops(struct agent *agent, __u64 *ret, struct sl_err *err)
{
	struct sl_core record;

	if (agent->core == AGENT_RING)
		return ring_drops(agent, ret, err);
	*ret = 0;
	for (__u32 queue = 0; queue < SL_QUEUES_MAX; queue++) {
		if (bpf_map_lookup_elem(agent->maps.core, &queue, &record))
			return sl_errno(err, errno, "the core's record of instance %s", agent->instance);
		*ret += record.drop_tx_full + record.drop_invalid + record.drop_rx_full +
			record.drop_fill_empty + record.tx_invalid;
	}
	return 0;
}

int agent_drops(struct agent *agent, __u64 *ret, struct sl_err *err)
{
	struct sl_counters counters;
	struct sl_books books;
	__u64 sum = 0, part = 0, vth = 0;
	int r;

	r = lab_tx_drops(&agent->ns, "", &sum, err);
	r = r ?: core_drops(agent, &part, err);
	/* Our core is told of each frame that vth could not take, and has counted it. */
	if (!r && agent->core != AGENT_RING)
		r = lab_tx_drops(&agent->ns, "vth", &vth, err);
	if (r)
		return r;
	sum += part - vth;
	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		r = sl_maps_counters(&agent->maps, prog, &counters, err);
		if (r)
			return r;
		sl_counters_books(&counters, &books);
		sum += books.drop;
	}
	*ret = sum;
	return 0;
}

int agent_judged(struct agent *agent, struct agent_judged *ret, struct sl_err *err)
{
	struct agent_judged judged = { 0 };
	struct sl_counters counters;

	for (unsigned int prog = SL_PROG_VEX; prog <= SL_PROG_VIN; prog++) {
		int r = sl_maps_counters(&agent->maps, prog, &counters, err);

		if (r)
			return r;
		judged.in += counters.in.frames;
		judged.allowed += counters.flow_allowed.frames;
	}
	*ret = judged;
	return 0;
}

/* Our own folder and what the daemon may have left in it. */
static void remove_folder(const struct agent *agent)
{
	lab_run(NULL, NULL, "rm -rf -- %s", agent->run_dir);
}

void agent_end(struct agent *agent)
{
	struct sl_core record = { 0 };

	if (!agent->run_dir[0])
		return;
	if (agent->maps.core >= 0)
		core_record(agent, &record, NULL);
	if (agent->daemon > 0) {
		control(agent, NULL, "stop --release");
		lab_stop(agent->daemon);
	}
	/* The core outlives its daemon by design; here it must not, if `stop` failed. */
	if (agent->core != AGENT_RING && record.pid > 1)
		kill(record.pid, SIGKILL);
	lab_stop(agent->ring);
	if (agent->ring_out >= 0)
		close(agent->ring_out);
	sl_maps_close(&agent->maps);
	ns_end(&agent->ns);
	remove_folder(agent);
	memset(agent, 0, sizeof(*agent));
}
