// SPDX-License-Identifier: BSD-2-Clause
/*
 * Offload features and queue counts by the ethtool ioctl, by the kernel's own
 * names: the numbers of features differ from kernel to kernel, the names do not.
 *
 * Invariant: only bits the driver lets one change are ever written, so that a
 * feature that is what it should be already is never an error.
 */
#include "lib/ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fault.h"

struct feature_names {
	unsigned int n;
	char (*name)[ETH_GSTRING_LEN];
};

/* The ioctl's result (0 or flags), or -errno. */
static int call(const char *ifname, void *command)
{
	struct ifreq request = { 0 };
	int fd, rc;

	if (strlen(ifname) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	strcpy(request.ifr_name, ifname);
	request.ifr_data = command;
	rc = sl_fault("ioctl");
	if (rc)
		return -rc;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = ioctl(fd, SIOCETHTOOL, &request);
	if (rc < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int feature_names_get(const char *ifname, struct feature_names *ret)
{
	struct {
		struct ethtool_sset_info head;
		__u32 length;
	} info = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct ethtool_gstrings *strings;
	unsigned int i;
	int rc;

	rc = call(ifname, &info);
	if (rc < 0)
		return rc;
	if (!info.head.sset_mask || info.length > SL_FEATURE_BLOCKS * 32)
		return -EOPNOTSUPP;
	strings = calloc(1, sizeof(*strings) + (size_t)info.length * ETH_GSTRING_LEN);
	ret->name = calloc(info.length + 1, ETH_GSTRING_LEN);
	if (!strings || !ret->name) {
		rc = -ENOMEM;
		goto out;
	}
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = ETH_SS_FEATURES;
	strings->len = info.length;
	rc = call(ifname, strings);
	if (rc < 0)
		goto out;
	ret->n = strings->len < info.length ? strings->len : info.length;
	for (i = 0; i < ret->n; i++) {
		memcpy(ret->name[i], strings->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		ret->name[i][ETH_GSTRING_LEN - 1] = '\0';
	}
	rc = 0;
out:
	free(strings);
	if (rc)
		free(ret->name);
	return rc;
}

/* -1 if the kernel has none of that name. */
static int feature_number(const struct feature_names *names, const char *name)
{
	unsigned int i;

	for (i = 0; i < names->n; i++)
		if (!strcmp(names->name[i], name))
			return i;
	return -1;
}

struct features_get {
	struct ethtool_gfeatures head;
	struct ethtool_get_features_block block[SL_FEATURE_BLOCKS];
};

struct features_set {
	struct ethtool_sfeatures head;
	struct ethtool_set_features_block block[SL_FEATURE_BLOCKS];
};

/* The kernel insists on being asked for exactly as many blocks as it has when setting, and says how many here. */
static int features_get(const char *ifname, struct features_get *ret)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->head.cmd = ETHTOOL_GFEATURES;
	ret->head.size = SL_FEATURE_BLOCKS;
	rc = call(ifname, ret);
	if (rc < 0)
		return rc;
	return ret->head.size <= SL_FEATURE_BLOCKS ? 0 : -E2BIG;
}

int sl_ethtool_set(const char *ifname, const char *const *names, size_t n, bool on, struct sl_err *err)
{
	struct features_set set = { .head.cmd = ETHTOOL_SFEATURES };
	struct feature_names known;
	struct features_get now;
	bool anything = false;
	size_t i;
	int rc;

	rc = feature_names_get(ifname, &known);
	if (rc)
		return sl_errno(err, -rc, "cannot read the names of %s's offload features", ifname);
	rc = features_get(ifname, &now);
	if (rc) {
		rc = sl_errno(err, -rc, "cannot read the offload features of %s", ifname);
		goto out;
	}
	set.head.size = now.head.size;
	for (i = 0; i < n; i++) {
		int number = feature_number(&known, names[i]);
		unsigned int block = number < 0 ? now.head.size : (unsigned int)number / 32;
		__u32 bit = 1U << ((unsigned int)number % 32);

		if (block >= now.head.size)
			continue;
		if (!(now.block[block].available & bit)) {
			if (!(now.block[block].active & bit) == !on)
				continue;
			rc = sl_err(err, EOPNOTSUPP, "offload feature %s of %s cannot be switched %s",
				    names[i], ifname, on ? "on" : "off");
			goto out;
		}
		set.block[block].valid |= bit;
		if (on)
			set.block[block].requested |= bit;
		anything = true;
	}
	if (anything) {
		/* Positive results are flags: another feature went along, or waits for one. */
		rc = call(ifname, &set);
		if (rc < 0)
			rc = sl_errno(err, -rc, "cannot switch %s offload features of %s", on ? "on" : "off",
				      ifname);
	}
out:
	free(known.name);
	return rc < 0 ? rc : 0;
}

int sl_ethtool_get(const char *ifname, const char *name, struct sl_err *err)
{
	struct feature_names known;
	struct features_get now;
	int number, rc;

	rc = feature_names_get(ifname, &known);
	if (rc)
		return sl_errno(err, -rc, "cannot read the names of %s's offload features", ifname);
	number = feature_number(&known, name);
	free(known.name);
	if (number < 0)
		return sl_err(err, ENOENT, "this kernel has no offload feature %s", name);
	rc = features_get(ifname, &now);
	if (rc)
		return sl_errno(err, -rc, "cannot read the offload features of %s", ifname);
	return !!(now.block[number / 32].active & (1U << (number % 32)));
}

int sl_ethtool_features(const char *ifname, struct sl_features *ret, struct sl_err *err)
{
	struct features_get now;
	unsigned int i;
	int rc;

	rc = features_get(ifname, &now);
	if (rc)
		return sl_errno(err, -rc, "cannot read the offload features of %s", ifname);
	memset(ret, 0, sizeof(*ret));
	ret->n = now.head.size;
	for (i = 0; i < ret->n; i++) {
		ret->available[i] = now.block[i].available;
		ret->requested[i] = now.block[i].requested & now.block[i].available;
	}
	return 0;
}

int sl_ethtool_features_apply(const char *ifname, const struct sl_features *wanted, struct sl_err *err)
{
	struct features_set set = { .head.cmd = ETHTOOL_SFEATURES };
	struct features_get now;
	bool anything = false;
	unsigned int i;
	int rc;

	rc = features_get(ifname, &now);
	if (rc)
		return sl_errno(err, -rc, "cannot read the offload features of %s", ifname);
	set.head.size = now.head.size;
	for (i = 0; i < now.head.size && i < wanted->n; i++) {
		set.block[i].valid = (now.block[i].requested ^ wanted->requested[i]) &
				     now.block[i].available & wanted->available[i];
		set.block[i].requested = wanted->requested[i] & set.block[i].valid;
		anything |= set.block[i].valid != 0;
	}
	if (!anything)
		return 0;
	rc = call(ifname, &set);
	if (rc < 0)
		return sl_errno(err, -rc, "cannot copy the offload features to %s", ifname);
	return 0;
}

int sl_ethtool_queues(const char *ifname, unsigned int *ret_rx, unsigned int *ret_tx, struct sl_err *err)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int rc = call(ifname, &channels);

	if (rc < 0)
		return sl_errno(err, -rc, "cannot read the queue counts of %s", ifname);
	*ret_rx = channels.rx_count + channels.combined_count;
	*ret_tx = channels.tx_count + channels.combined_count;
	return 0;
}

int sl_ethtool_queues_set(const char *ifname, unsigned int rx, unsigned int tx, struct sl_err *err)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int rc = call(ifname, &channels);

	if (rc >= 0) {
		channels.cmd = ETHTOOL_SCHANNELS;
		channels.rx_count = rx;
		channels.tx_count = tx;
		rc = call(ifname, &channels);
	}
	if (rc < 0)
		return sl_errno(err, -rc, "cannot set %s to %u receive and %u transmit queues", ifname, rx,
				tx);
	return 0;
}
