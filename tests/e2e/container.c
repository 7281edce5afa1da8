// SPDX-License-Identifier: BSD-2-Clause
/*
 * A real container under podman, found by its name, serving HTTP while its
 * port is taken, switched and given back.
 *
 * Invariant: podman's storage and run folders are private mounts, so nothing
 * of the container is left on the machine.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/rules.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(container, .init = world_enter, .fini = world_leave, .timeout = 120);

/* runc, because crun refuses a hybrid cgroup layout; vfs, because overlay does not lie on a tmpfs everywhere. */
#define PODMAN "CONTAINERS_CONF=" WORLD_TMP "/containers.conf podman --storage-driver vfs --runtime runc"
#define IMAGE "localhost/sluice-e2e:1"

static void need(const char *program)
{
	if (ns_sh(NULL, "command -v %s", program))
		cr_skip_test("%s is not installed", program);
}

/* An image of busybox and one page, made here: nothing is fetched from anywhere. */
static void prepare(void)
{
	need("podman");
	need("runc");
	need("busybox");
	need("curl");
	if (ns_sh(NULL, "busybox httpd --help 2>&1 | grep -q Usage"))
		cr_skip_test("this busybox has no httpd");
	cr_assert(!mount("tmpfs", "/var/lib", "tmpfs", 0, NULL), "tmpfs on /var/lib: %s", strerror(errno));
	ns_run(NULL,
	       "mkdir -p " WORLD_TMP "/image/bin " WORLD_TMP "/image/www && "
	       "cp $(command -v busybox) " WORLD_TMP "/image/bin/busybox && "
	       "head -c 20000 /dev/zero | tr '\\0' x >" WORLD_TMP "/image/www/index.html && "
	       "printf '[containers]\\ndefault_ulimits = []\\n[engine]\\ncgroup_manager = \"cgroupfs\"\\n"
	       "events_logger = \"none\"\\n[network]\\nnetwork_config_dir = \"" WORLD_TMP
	       "/networks\"\\n' >" WORLD_TMP "/containers.conf");
	if (ns_sh(NULL, "tar -C " WORLD_TMP "/image -c . | " PODMAN " import - " IMAGE))
		cr_skip_test("podman cannot import an image here: %s", ns_said());
}

static struct ns *start_container(const char *name)
{
	struct ns *ns;
	pid_t pid;

	if (ns_sh(NULL,
		  PODMAN " run -d --name %s --ulimit host --network none " IMAGE
			 " /bin/busybox httpd -f -p 80 -h /www",
		  name))
		cr_skip_test("podman cannot run a container here: %s", ns_said());
	pid = atoi(ns_run(NULL, PODMAN " inspect -f '{{.State.Pid}}' %s", name));
	cr_assert_gt(pid, 1);
	world_claim(pid);
	ns = ns_of(pid, name);
	return ns;
}

static int count(const char *text, const char *word)
{
	int n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

#define OF_WEB(others, action)                                                                               \
	"version: 1\n"                                                                                       \
	"workloads:\n  - {workload: web, mode: protect, ingress: " others ", egress: deny}\n"                \
	"rules:\n  - {id: 1, direction: ingress, workload: web, application: http, action: " action "}\n"

#define GET "curl -sS --max-time 10 http://10.40.0.2/"

/* Allowed works; what is refused is told at once, by the kernel of the client. */
static void expect_policy(struct topo *t)
{
	ctl_do(t->d, "intercept container:web --name web");
	rules_apply(t->d, OF_WEB("deny", "allow"));
	ns_run(t->host, GET " -o /dev/null -w '%%{http_code}'");
	cr_expect_str_eq(ns_said(), "200");
	/* 7 is "failed to connect", where patience that has ended would be 28. */
	cr_expect_eq(ns_sh(t->host, "curl -sS --max-time 10 http://10.40.0.2:81/"), 7, "%s", ns_said());
	rules_apply(t->d, OF_WEB("allow", "deny"));
	cr_expect(ns_sh(t->host, GET) && strstr(ns_said(), "reset by peer"), "%s", ns_said());
	ctl_do(t->d, "release container:web");
	ns_run(t->host, GET " -o /dev/null");
}

Test(container, keeps_serving)
{
	struct topo *t = topo_bare();
	struct ns *web;
	struct proc *curls;
	json_t *list;

	prepare();
	web = start_container("web");
	link_pair(t->host, "vethweb", NULL, web, "eth0", NULL);
	ns_run(t->host, "ip addr add 10.40.0.1/24 dev vethweb");
	ns_run(web, "ip addr add 10.40.0.2/24 dev eth0");
	t->d = daemon_start(t->host, t->agent, " ");
	curls = ns_spawn(t->host,
			 "sh -c 'while :; do curl -s -o /dev/null --max-time 10 -w \"%%{size_download}\\n\" "
			 "http://10.40.0.2/ || echo failed; done'");
	cr_assert(wait_until(10000, count(proc_text(curls), "20000") > 5), "%s", proc_text(curls));
	for (int i = 0; i < 5; i++) {
		int served = count(proc_text(curls), "20000");

		ctl_do(t->d, "intercept container:web --mode inline");
		cr_expect(wait_until(10000, count(proc_text(curls), "20000") > served + 10),
			  "not served when taken: %s", proc_text(curls));
		if (!i) {
			list = ctl(t->d, "workloads");
			cr_expect(strstr(json_text(list, "items.0.target"), "web"), "%s",
				  json_dumps(list, 0));
			cr_expect_eq(json_int(list, "items.0.pid"), web->pid);
			json_decref(list);
		}
		served = count(proc_text(curls), "20000");
		ctl_do(t->d, "release container:web");
		cr_expect(wait_until(10000, count(proc_text(curls), "20000") > served + 10),
			  "not served when given back: %s", proc_text(curls));
	}
	cr_expect_gt(counter(t->d, SL_PROG_VBR, SL_R_to_workload), 50);
	proc_end(curls, SIGTERM, 5000);
	cr_expect_eq(count(proc_text(curls), "failed"), 0, "%d of %d requests failed",
		     count(proc_text(curls), "failed"), count(proc_text(curls), "20000"));
	cr_log_info("%d requests served, %d failed", count(proc_text(curls), "20000"),
		    count(proc_text(curls), "failed"));
	expect_policy(t);
	ns_run(NULL, PODMAN " rm -f -t 0 web");
	topo_end(t);
}

Test(container, removed_while_taken)
{
	struct topo *t = topo_bare();
	struct ns *web;
	json_t *list;

	prepare();
	web = start_container("web2");
	link_pair(t->host, "vethweb", NULL, web, "eth0", NULL);
	t->d = daemon_start(t->host, t->agent, " ");
	ctl_do(t->d, "intercept web2");
	close(web->fd);
	web->fd = -1;
	ns_run(NULL, PODMAN " rm -f -t 0 web2");
	list = NULL;
	cr_expect(wait_until(5000, (json_decref(list), list = ctl(t->d, "workloads"),
				    json_array_size(json_at(list, "items")) == 0)),
		  "still taken: %s", json_dumps(list, 0));
	/* A name that is gone is a clear refusal. */
	cr_expect(strstr(ctl_refused(t->d, "intercept container:web2"), "web2"), "%s", ns_said());
	topo_end(t);
}
