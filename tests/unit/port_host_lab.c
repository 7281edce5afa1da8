// SPDX-License-Identifier: BSD-2-Clause
/* Pictures and errands of the host side's tests; see port_host_lab.h. */
#include "unit/port_host_lab.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/netns.h"

/* Clocks of the bridge's run on. */
static void stop_clocks(char *text)
{
	static const char clock[] = "_timer\":";

	while ((text = strstr(text, clock)))
		for (text += strlen(clock); *text && strchr("0123456789.", *text); text++)
			*text = *text == '.' ? '.' : '0';
}

/* The far end's number is not shown when it is in the same namespace. */
static void cut_far_end(char *text)
{
	static const char far[] = "\"link_index\":0,";

	while ((text = strstr(text, far)))
		memmove(text, text + strlen(far), strlen(text + strlen(far)) + 1);
}

char *host_picture(int netns, const char *port)
{
	char *common = lab_picture(netns, port), *place, *all;
	size_t len;

	place = sh_read(netns,
			"bridge -d -j link show dev %s | sed -E 's/\"(ifindex|link)\":[^,]+,//g'; "
			"bridge -j vlan show dev %s; bridge fdb show brport %s | grep -v self | sort; "
			"bridge mdb show 2>/dev/null | grep 'port %s .*permanent'; ip -j rule show; "
			"ip -6 -j rule show; true",
			port, port, port, port);
	len = strlen(common) + strlen(place) + 1;
	all = malloc(len);
	cr_assert(all);
	snprintf(all, len, "%s%s", common, place);
	stop_clocks(all);
	cut_far_end(all);
	free(common);
	free(place);
	return all;
}

static void outcome(int rc, int want, const struct sl_err *err, const char *what)
{
	if (!want)
		cr_assert_eq(rc, 0, "%s: %s", what, err->text);
	else if (want == -1)
		cr_assert_lt(rc, 0, "%s should have failed", what);
	else
		cr_assert_eq(rc, want, "%s: %s", what, err->text);
}

static void take(const struct lab *lab, struct host_lab *host, bool fail, int want, struct sl_err *err)
{
	const char *journal = host->journal;
	struct host_end end = { .ns = lab->host, .is_agent = lab->host == lab->agent };
	struct sl_err own = { 0 };
	struct nls *nls;
	int rc;

	if (!err)
		err = &own;
	lab_request(lab, &host->request);
	memset(&host->hooks, 0, sizeof(host->hooks));
	lab_hooks(lab, &host->wires, &host->hooks.common);
	host->hooks.common.journal = journal;
	host->wires.fail = fail;
	cr_assert_eq(nls_open(&nls, lab->host, "the host", err), 0);
	cr_assert_eq(link_find(nls, "hveth", 0, &end.link, err), 0);
	nls_close(nls);
	rc = host_take(&host->request, &end, &host->hooks, &host->taken, err);
	outcome(rc, want, err, "take");
}

void host_lab_take(const struct lab *lab, struct host_lab *host, int want, struct sl_err *err)
{
	host->journal = NULL;
	take(lab, host, false, want, err);
}

void host_lab_take_failing(const struct lab *lab, struct host_lab *host, struct sl_err *err)
{
	host->journal = NULL;
	take(lab, host, true, -1, err);
}

void host_lab_give_back(const struct lab *lab, struct host_lab *host, int want, struct sl_err *err)
{
	struct sl_err own = { 0 };
	int rc;

	if (!err)
		err = &own;
	rc = host_give_back(&host->taken, lab->host, lab->workload, lab->agent, &host->hooks, err);
	outcome(rc, want, err, "give back");
}

void host_lab_no_trace(const struct lab *lab)
{
	cr_expect_neq(sh_try(lab->agent, "ip -j link | grep -qE 'eth0|sluice'"), 0, "left with the agent");
	cr_expect_neq(sh_try(lab->host, "ip -j link | grep -q sluice"), 0, "left with the host");
}

pid_t host_lab_spawn(int netns, const char *command, const char *file)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	char *before = file ? sh_read(netns, "wc -l < %s", file) : NULL;
	pid_t pid = fork();

	if (!pid) {
		if (sl_netns_enter(netns, NULL) < 0)
			_exit(126);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; file && i < 200; i++) {
		char *now = sh_read(netns, "wc -l < %s", file);
		bool more = strcmp(before, now) != 0;

		free(now);
		if (more)
			break;
		nanosleep(&moment, NULL);
	}
	free(before);
	return pid;
}
