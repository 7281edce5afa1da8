// SPDX-License-Identifier: BSD-2-Clause
/* Namespaces, offload features and sysctls, on interfaces of the test's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/ethtool.h"
#include "lib/netns.h"
#include "lib/sysctl.h"
#include "unit/port_lab.h"

static void inside(const struct lab *lab)
{
	cr_assert_geq(sl_netns_enter(lab->workload, NULL), 0);
}

Test(netns, enter_leave_and_compare)
{
	struct sl_netns_id own, other, now;
	struct sl_err err = { 0 };
	struct lab lab;
	int self, token, found;

	lab_open(&lab);
	self = sl_netns_open_self(&err);
	cr_assert_geq(self, 0);
	cr_expect(fcntl(self, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(sl_netns_id(self, &own), 0);
	cr_assert_eq(sl_netns_id(lab.workload, &other), 0);
	cr_expect(sl_netns_same(&own, &own));
	cr_expect_not(sl_netns_same(&own, &other));

	token = sl_netns_enter(lab.workload, &err);
	cr_assert_geq(token, 0, "%s", err.text);
	found = sl_netns_open_self(&err);
	cr_assert_eq(sl_netns_id(found, &now), 0);
	cr_expect(sl_netns_same(&now, &other));
	close(found);
	/* This process is in it now, so it can be found by its number. */
	found = sl_netns_find(&other, &err);
	cr_expect_geq(found, 0, "%s", err.text);
	close(found);
	sl_netns_leave(token);

	found = sl_netns_open_pid(getpid(), &err);
	cr_assert_eq(sl_netns_id(found, &now), 0);
	cr_expect(sl_netns_same(&now, &own));
	close(found);
	found = sl_netns_open_name("/proc/self/ns/net", &err);
	cr_expect_geq(found, 0);
	close(found);
	close(self);
}

Test(netns, errors_say_what_is_wrong)
{
	struct sl_netns_id none = { .dev = 1, .ino = 1 };
	struct sl_err err = { 0 };

	cr_expect_eq(sl_netns_open_name("no-such-namespace-here", &err), -ENOENT);
	cr_expect(strstr(err.text, "no-such-namespace-here"), "%s", err.text);
	cr_expect_eq(sl_netns_open_name("/proc/self/ns/mnt", &err), -EINVAL);
	cr_expect(strstr(err.text, "is not a network namespace"), "%s", err.text);
	cr_expect_eq(sl_netns_open_name("/etc/passwd", &err), -EINVAL);
	cr_expect_eq(sl_netns_open_pid(0x7ffffffe, &err), -ESRCH);
	cr_expect_eq(sl_netns_find(&none, &err), -ENOENT);
}

Test(ethtool, features_by_name)
{
	static const char *const names[] = { "tx-tcp-segmentation", "no-such-feature",
					     "tx-generic-segmentation" };
	static const char *const fixed[] = { "netns-local" };
	struct sl_features before;
	struct sl_err err = { 0 };
	struct lab lab;

	lab_open(&lab);
	inside(&lab);
	cr_assert_eq(sl_ethtool_features("eth0", &before, &err), 0, "%s", err.text);
	cr_expect_eq(sl_ethtool_get("eth0", names[0], &err), 1, "%s", err.text);
	cr_assert_eq(sl_ethtool_set("eth0", names, 3, false, &err), 0, "%s", err.text);
	cr_expect_eq(sl_ethtool_get("eth0", names[0], &err), 0);
	cr_expect_eq(sl_ethtool_get("eth0", names[2], &err), 0);
	cr_expect_eq(sl_ethtool_get("eth0", names[1], &err), -ENOENT);
	cr_assert_eq(sl_ethtool_set("eth0", names, 3, true, &err), 0, "%s", err.text);
	cr_expect_eq(sl_ethtool_get("eth0", names[0], &err), 1);
	cr_assert_eq(sl_ethtool_set("eth0", names, 3, false, &err), 0);
	cr_assert_eq(sl_ethtool_features_apply("eth0", &before, &err), 0, "%s", err.text);
	cr_expect_eq(sl_ethtool_get("eth0", names[0], &err), 1);

	/* A feature that cannot be changed is an error only if it would have to be. */
	if (sl_ethtool_get("eth0", fixed[0], NULL) == 0) {
		cr_expect_eq(sl_ethtool_set("eth0", fixed, 1, false, &err), 0, "%s", err.text);
		cr_expect_eq(sl_ethtool_set("eth0", fixed, 1, true, &err), -EOPNOTSUPP);
	}
	cr_expect_eq(sl_ethtool_get("eth9", names[0], &err), -ENODEV);
	cr_expect(strstr(err.text, "eth9"), "%s", err.text);
}

Test(ethtool, queues)
{
	unsigned int rx, tx;
	struct sl_err err = { 0 };
	struct lab lab;

	lab_open(&lab);
	sh(lab.workload, "ip link add q0 numtxqueues 4 numrxqueues 4 type veth peer name q1");
	inside(&lab);
	cr_assert_eq(sl_ethtool_queues("q0", &rx, &tx, &err), 0, "%s", err.text);
	cr_expect_eq(rx, 4);
	cr_expect_eq(tx, 4);
	cr_assert_eq(sl_ethtool_queues_set("q0", 2, 3, &err), 0, "%s", err.text);
	cr_assert_eq(sl_ethtool_queues("q0", &rx, &tx, &err), 0);
	cr_expect_eq(rx, 2);
	cr_expect_eq(tx, 3);
	cr_expect_eq(sl_ethtool_queues("lo", &rx, &tx, &err), -EOPNOTSUPP);
}

Test(sysctl, read_and_write)
{
	const char *path = "net/ipv4/conf/eth0/rp_filter";
	struct sl_err err = { 0 };
	char value[8], tiny[1];
	struct lab lab;

	lab_open(&lab);
	inside(&lab);
	cr_assert_eq(sl_sysctl_write(path, "2", &err), 0, "%s", err.text);
	cr_assert_eq(sl_sysctl_read(path, value, sizeof(value), &err), 0, "%s", err.text);
	cr_expect_str_eq(value, "2");
	cr_expect_eq(sl_sysctl_read(path, tiny, sizeof(tiny), &err), -E2BIG);
	cr_expect_eq(sl_sysctl_write(path, "x", &err), -EINVAL);
	cr_expect(strstr(err.text, path), "%s", err.text);
	cr_expect_eq(sl_sysctl_read("net/no/such", value, sizeof(value), &err), -ENOENT);
}
