// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl doctor: is everything there that sluice needs? Asks the daemon,
 * which has tried things out; without one it looks at what can be looked at
 * and says what it could not ask.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sluicectl/client.h"
#include "sluicectl/output.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "Checks what sluice needs of this machine, and says what is missing",
	.help = "Exit status 1 if a check fails; a warning is no failure. Without a running sluiced only "
		"files and\n"
		"file systems are looked at.\n"
		"\n"
		"Example:\n"
		"  sluicectl doctor || journalctl -u sluiced\n",
	.run = run,
};

static const struct option options[] = { VERB_OPTIONS };

#define BTF_FILE "/sys/kernel/btf/vmlinux"

static int add(json_t *checks, const char *name, const char *status, const char *detail)
{
	return json_array_append_new(checks, json_pack("{ss ss ss}", "name", name, "status", status, "detail",
						       detail));
}

static bool is_filesystem(const char *path, long magic)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == magic;
}

static int look_at_pins(const struct ctl *ctl, json_t *checks)
{
	char dir[2 * SL_PATH_LEN], detail[4 * SL_PATH_LEN];

	if (sl_conf_pin_dir(&ctl->conf, dir, sizeof(dir)))
		return add(checks, "pins", "fail", "the path of the pins is too long");
	if (!access(dir, F_OK)) {
		snprintf(detail, sizeof(detail), "%s is there: ports that were taken still are", dir);
	} else if (errno == ENOENT) {
		snprintf(detail, sizeof(detail), "%s is not there: nothing is taken", dir);
	} else {
		snprintf(detail, sizeof(detail), "%s cannot be looked at: %s", dir, strerror(errno));
		return add(checks, "pins", "warn", detail);
	}
	return add(checks, "pins", "ok", detail);
}

/* What needs no daemon. 0, or nonzero without memory. */
static int look_around(const struct ctl *ctl, json_t *checks)
{
	char detail[2 * SL_PATH_LEN];
	bool root = !geteuid();
	int r;

	r = add(checks, "privileges", root ? "ok" : "fail",
		root ? "root" : "not root: neither the maps nor sluiced can be asked");
	if (!access(BTF_FILE, R_OK))
		r |= add(checks, "btf", "ok", BTF_FILE " is there");
	else
		r |= add(checks, "btf", "fail",
			 BTF_FILE " cannot be read: the programs need a kernel with CONFIG_DEBUG_INFO_BTF");
	if (is_filesystem(ctl->conf.bpffs, BPF_FS_MAGIC)) {
		snprintf(detail, sizeof(detail), "mounted on %s", ctl->conf.bpffs);
		r |= add(checks, "bpffs", "ok", detail);
	} else {
		snprintf(detail, sizeof(detail), "not mounted on %s: sluiced mounts it when it starts",
			 ctl->conf.bpffs);
		r |= add(checks, "bpffs", "warn", detail);
	}
	if (is_filesystem("/sys/kernel/tracing", TRACEFS_MAGIC) ||
	    is_filesystem("/sys/kernel/debug/tracing", TRACEFS_MAGIC))
		r |= add(checks, "tracefs", "ok", "mounted");
	else
		r |= add(checks, "tracefs", "warn",
			 "not mounted, only trace follow needs it: mount -t tracefs tracefs "
			 "/sys/kernel/tracing");
	return r | look_at_pins(ctl, checks);
}

static int ask_nobody(const struct ctl *ctl, const struct sl_err *why, json_t **ret, struct sl_err *err)
{
	bool absent = why->code == ENOENT || why->code == ECONNREFUSED;
	json_t *checks = json_array();
	char detail[2 * SL_ERR_LEN];
	int r;

	snprintf(detail, sizeof(detail), "%s%s%s", why->text, *ctl->hint ? "; " : "", ctl->hint);
	r = add(checks, "daemon", absent ? "warn" : "fail", detail);
	r |= add(checks, "not asked", "warn",
		 "what only sluiced can try: tcx, clsact, redirect_peer, XDP, AF_XDP, bridge, core, "
		 "workloads");
	r |= look_around(ctl, checks);
	*ret = r ? NULL : json_pack("{sO}", "checks", checks);
	json_decref(checks);
	return *ret ? 0 : sl_err(err, ENOMEM, "no memory for the checks");
}

static int count_failed(const json_t *result)
{
	const json_t *check;
	int failed = 0;
	size_t i;

	json_array_foreach (json_object_get(result, "checks"), i, check)
		failed += !strcmp(member_text(check, "status") ?: "fail", "fail");
	return failed;
}

static int print_checks(const json_t *result, struct sl_err *err)
{
	struct table *table = table_new("CHECK,STATUS,DETAIL");
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(result, "checks"), i, check) {
		const char *status = member_text(check, "status") ?: "fail";

		table_text(table, member_text(check, "name"));
		table_text(table, status);
		if (can_colour())
			table_colour(table, !strcmp(status, "ok")     ? COLOUR_GOOD
					    : !strcmp(status, "warn") ? COLOUR_WARN
								      : COLOUR_BAD);
		table_text(table, member_text(check, "detail"));
	}
	return table_print(table, true, err);
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	json_t *request, *result = NULL;
	struct sl_err why = { 0 };
	int r;

	r = verb_option(ctl, &verb_doctor, argc, argv, options, err)
		    ?: check_words(argc, argv, 0, 0, "", err);
	if (r)
		return r;
	request = client_request("doctor", err);
	if (!request)
		return -err->code;
	if (client_call(ctl, request, &result, &why))
		r = ask_nobody(ctl, &why, &result, err);
	json_decref(request);
	if (!r)
		r = ctl->json ? print_json(ctl, result, err) : print_checks(result, err);
	if (!r && count_failed(result))
		r = CTL_BAD;
	json_decref(result);
	return r;
}
