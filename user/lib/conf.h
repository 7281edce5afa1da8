/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's settings: one table of keys behind the configuration file, the
 * long options and the manual. See docs/design.md, "Configuration".
 *
 * Invariant: a struct sl_conf that parsed is valid as a whole; on any error it
 * is left as it was.
 */
#ifndef SLUICE_LIB_CONF_H
#define SLUICE_LIB_CONF_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/log.h"
#include "sluice/abi.h"
#include "sluice/thresholds.h"

#define SL_INSTANCE_LEN 32 /* NUL included */
#define SL_PATH_LEN 256

enum sl_on_exit { SL_EXIT_KEEP, SL_EXIT_RELEASE };
enum sl_attach { SL_ATTACH_AUTO, SL_ATTACH_TCX, SL_ATTACH_CLSACT };
enum sl_redirect { SL_REDIRECT_AUTO, SL_REDIRECT_PEER, SL_REDIRECT_PLAIN };
/* By which end of its veth a port is taken. */
enum sl_side { SL_SIDE_AUTO, SL_SIDE_HOST, SL_SIDE_WORKLOAD };
enum sl_dpi { SL_DPI_INTERNAL, SL_DPI_EXTERNAL };

struct sl_conf {
	char instance[SL_INSTANCE_LEN];
	char netns[SL_PATH_LEN]; /* empty: the current one */
	char run_dir[SL_PATH_LEN];
	char bpffs[SL_PATH_LEN];
	enum sl_log_level log_level;
	enum sl_log_target log_target;
	enum sl_on_exit on_exit;
	char vbr[IFNAMSIZ];
	char vth[IFNAMSIZ];
	char vbk[IFNAMSIZ], vtk[IFNAMSIZ]; /* of the bulk lane */
	__u32 mtu;
	enum sl_attach attach;
	enum sl_redirect redirect;
	enum sl_dpi dpi;
	char dpi_path[SL_PATH_LEN];
	__u32 workers;
	__u32 heartbeat_ms;
	__u32 hang_s; /* 0: a worker may hang for ever */
	__u32 busy_poll_us;
	char dpi_user[SL_INSTANCE_LEN]; /* empty: "sluice" if it exists, else "nobody" */
	__u8 mode; /* enum sl_mode */
	__u8 fail; /* enum sl_fail */
	bool strict;
	enum sl_side side;
	__u16 non_ip[SL_ETYPES_MAX];
	__u32 n_non_ip;
	bool inspect; /* no: the core only forwards */
	__u32 sessions; /* of each worker, at most; 0: as memory allows */
	bool spare; /* a core that waits to take the place of one that has died */
	bool say_unreachable;
	bool verdicts; /* judged flows are left to the kernel */
	bool bulk; /* there is a bulk lane */
	__u32 flows; /* of them, all workers together */
	char policy[SL_PATH_LEN]; /* file; empty: none */
	char events[SL_PATH_LEN]; /* empty: nowhere; "-", "unix:PATH", or a file */
	__u32 events_per_second;
	struct sl_thresholds thresholds;
	bool compat; /* an agent of the existing protocol is served */
	char compat_path[SL_PATH_LEN];
	char compat_listen[SL_PATH_LEN], compat_notify[SL_PATH_LEN];
	__u32 compat_socket_mode;
};

void sl_conf_defaults(struct sl_conf *conf);
/* Reads the file into *conf. Errors name file, line, key. -ENOENT if the file is not there. */
int sl_conf_read(struct sl_conf *conf, const char *path, struct sl_err *err);
/* One key, with '-' or '_', e.g. ("log-level", "debug"): what options use. */
int sl_conf_set(struct sl_conf *conf, const char *key, const char *value, struct sl_err *err);
/* What no single key shows; to be called once all options are set (sl_conf_read() does it itself). 0 or -EINVAL. */
int sl_conf_check(const struct sl_conf *conf, struct sl_err *err);
/* Are judged flows left to the kernel? Only if they are judged, and by our policy alone: an agent's is not in the map. */
static inline bool sl_conf_verdicts(const struct sl_conf *conf)
{
	return conf->verdicts && conf->inspect && conf->dpi == SL_DPI_INTERNAL && !conf->compat;
}
/* Is there to be a bulk lane? Only for frames that are inspected, and by our core. */
static inline bool sl_conf_bulk(const struct sl_conf *conf)
{
	return conf->bulk && conf->inspect && conf->dpi == SL_DPI_INTERNAL;
}
/* "auto", "host", "workload"; parse: 0 or -EINVAL. */
int sl_side_parse(const char *word, enum sl_side *ret);
/* Walks the keys: name, default as text, meaning. Returns NULL behind the last. */
struct sl_conf_key {
	const char *section, *name, *value_name, *help;
};
const struct sl_conf_key *sl_conf_key(unsigned int i);

/* An instance's names. size bytes are written at most; -ENAMETOOLONG if it does not fit. */
int sl_conf_pin_dir(const struct sl_conf *conf, char *ret, size_t size); /* <bpffs>/sluice/<instance> */
int sl_conf_run_path(const struct sl_conf *conf, const char *file, char *ret,
		     size_t size); /* <run_dir>/<instance>/<file> */

#endif
