// SPDX-License-Identifier: BSD-2-Clause
/* The commands of the control protocol; see commands.h for the invariant. */
#include "sluiced/commands.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sluiced/intercept.h"
#include "sluiced/list_containers.h"
#include "sluiced/policy_commands.h"
#include "sluiced/select.h"
#include "sluiced/show.h"
#include "sluiced/wire.h"

enum type { TEXT, NUMBER, BOOL, NAMES };

struct field {
	const char *name;
	enum type type;
};

struct command {
	const char *name;
	int (*run)(struct instance *inst, const json_t *request, json_t **ret_result, struct sl_err *err);
	struct field fields[10];
	/* In the place of run: with descriptors. */
	int (*run_passed)(struct instance *inst, const json_t *request, struct passed *passed,
			  json_t **ret_result, struct sl_err *err);
};

static int out_of_memory(struct sl_err *err)
{
	return sl_err(err, ENOMEM, "no memory for the answer");
}

/* -1: not given. */
static int get_bool(const json_t *request, const char *name)
{
	const json_t *value = json_object_get(request, name);

	return value ? json_is_true(value) : -1;
}

/* mode, fail and strict, -1 where not given. */
struct settings {
	int mode, fail, strict;
};

static int get_settings(const json_t *request, struct settings *ret, struct sl_err *err)
{
	const char *mode = json_string_value(json_object_get(request, "mode"));
	const char *fail = json_string_value(json_object_get(request, "fail"));
	struct settings settings = { -1, -1, get_bool(request, "strict") };
	__u8 value;

	if (mode) {
		if (sl_mode_parse(mode, &value))
			return sl_err(err, EINVAL, "mode '%.32s' is none of off, tap, inline, quarantine",
				      mode);
		settings.mode = value;
	}
	if (fail) {
		if (sl_fail_parse(fail, &value))
			return sl_err(err, EINVAL, "fail '%.32s' is neither closed nor open", fail);
		settings.fail = value;
	}
	*ret = settings;
	return 0;
}

static int run_status(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	(void)request;
	*ret = show_status(inst);
	return *ret ? 0 : out_of_memory(err);
}

static int run_doctor(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	(void)request;
	*ret = show_doctor(inst);
	return *ret ? 0 : out_of_memory(err);
}

static int check_name(const char *name, struct sl_err *err)
{
	for (const char *p = name; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return sl_err(err, EINVAL, "the name holds a control character");
	}
	if (!*name || strlen(name) >= SL_NAME_LEN)
		return sl_err(err, EINVAL, "the name must have 1 to %d bytes", SL_NAME_LEN - 1);
	return 0;
}

static int read_intercept(const json_t *request, struct intercept_request *ret, struct sl_err *err)
{
	const json_t *ports = json_object_get(request, "ports"), *id = json_object_get(request, "id");
	const char *side = json_string_value(json_object_get(request, "side"));
	enum sl_side wanted = SL_SIDE_AUTO;
	struct settings settings;
	int r;

	r = get_settings(request, &settings, err);
	if (r)
		return r;
	if (side && sl_side_parse(side, &wanted))
		return sl_err(err, EINVAL, "side '%.32s' is none of auto, host, workload", side);
	*ret = (struct intercept_request){
		.target = json_string_value(json_object_get(request, "target")),
		.id = json_integer_value(id),
		.name = json_string_value(json_object_get(request, "name")),
		.mode = settings.mode,
		.fail = settings.fail,
		.strict = settings.strict,
		.side = side ? (int)wanted : -1,
		.dry_run = get_bool(request, "dry_run") == 1,
	};
	if (!ret->target)
		return sl_err(err, EINVAL, "intercept needs a target");
	if (ret->name && check_name(ret->name, err))
		return -EINVAL;
	if (id && (json_integer_value(id) < 1 || json_integer_value(id) > SL_ID_MAX))
		return sl_err(err, EINVAL, "the id must be from 1 to %d", SL_ID_MAX);
	if (ports && (!json_array_size(ports) || json_array_size(ports) > PORTS_MAX))
		return sl_err(err, EINVAL, "ports must be 1 to %d names", PORTS_MAX);
	for (size_t i = 0; i < json_array_size(ports); i++) {
		ret->ports[ret->n_ports] = json_string_value(json_array_get(ports, i));
		if (!*ret->ports[i] || strlen(ret->ports[i]) >= IFNAMSIZ)
			return sl_err(err, EINVAL, "'%.32s' is not an interface's name", ret->ports[i]);
		ret->n_ports++;
	}
	return 0;
}

static int run_intercept(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	struct intercept_request wanted;
	struct intercepted list;
	struct show_list shown;
	int r;

	r = read_intercept(request, &wanted, err);
	if (!r)
		r = intercept(inst, &wanted, &list, err);
	if (r)
		return r;
	r = show_list_begin(&shown);
	for (unsigned int i = 0; r >= 0 && i < list.n; i++) {
		json_t *item = show_workload(inst, list.item[i]);

		if (list.plan[i])
			json_object_set(item, "plan", list.plan[i]);
		r = show_list_add(&shown, list.item[i]->id, item);
	}
	if (wanted.dry_run)
		intercept_forget(inst, &list);
	if (r < 0) {
		json_decref(shown.object);
		return out_of_memory(err);
	}
	*ret = shown.object;
	return 0;
}

/* Goes on after a failure; the error then tells of the first and how many there were. */
static int release_selection(struct instance *inst, const struct selection *selection,
			     struct show_list *shown, struct sl_err *err)
{
	unsigned int failed = 0;
	struct workload *w;
	struct sl_err why;
	json_t *item;
	int code = 0;

	for (unsigned int i = 0; i < selection->n; i++) {
		w = workloads_by_id(inst->workloads, selection->ids[i]);
		if (!w)
			continue;
		item = json_pack("{si ss ss}", "id", w->id, "name", w->value.name, "port", w->port.name);
		if (release(inst, w, &why)) {
			json_decref(item);
			sl_error("id %u: %s", selection->ids[i], why.text);
			if (!failed++)
				code = sl_err(err, why.code, "id %u: %.400s", selection->ids[i], why.text);
			continue;
		}
		if (show_list_add(shown, selection->ids[i], item) < 0)
			code = out_of_memory(err);
	}
	if (failed > 1)
		sl_err_prefix(err, "%u of %u ports are still taken, the first of them", failed, selection->n);
	return code;
}

static int run_release(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	struct selection selection;
	struct show_list shown;
	int r;

	r = select_workloads(inst, request, &selection, err);
	if (r)
		return r;
	r = show_list_begin(&shown) ? out_of_memory(err) : release_selection(inst, &selection, &shown, err);
	if (r)
		json_decref(shown.object);
	else
		*ret = shown.object;
	selection_free(&selection);
	return r;
}

static int run_mode(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	struct wire_change change = WIRE_NO_CHANGE;
	struct settings settings;
	struct selection selection;
	struct show_list shown;
	struct workload *w;
	int r;

	r = get_settings(request, &settings, err);
	if (r)
		return r;
	if (settings.mode < 0 && settings.fail < 0 && settings.strict < 0)
		return sl_err(err, EINVAL, "nothing to change: give mode, fail or strict");
	change.mode = settings.mode;
	change.fail = settings.fail;
	change.flags_set = settings.strict == 1 ? SL_WL_STRICT : 0;
	change.flags_clear = settings.strict == 0 ? SL_WL_STRICT : 0;
	r = select_workloads(inst, request, &selection, err);
	if (r)
		return r;
	if (show_list_begin(&shown))
		r = out_of_memory(err);
	for (unsigned int i = 0; !r && i < selection.n; i++) {
		w = workloads_by_id(inst->workloads, selection.ids[i]);
		r = wire_change(inst, w, &change, err);
		if (!r && show_list_add(&shown, w->id, show_workload(inst, w)) < 0)
			r = out_of_memory(err);
	}
	selection_free(&selection);
	if (r)
		json_decref(shown.object);
	else
		*ret = shown.object;
	return r;
}

static int run_workloads(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	json_int_t after = json_integer_value(json_object_get(request, "after"));
	struct show_list shown;
	struct workload *w;
	int r;

	if (after < 0 || after > SL_ID_MAX)
		return sl_err(err, EINVAL, "after must be from 0 to %d", SL_ID_MAX);
	r = show_list_begin(&shown);
	for (w = workloads_next(inst->workloads, after); r >= 0 && w && !shown.full;
	     w = workloads_next(inst->workloads, w->id))
		r = show_list_add(&shown, w->id, show_workload(inst, w));
	if (r < 0) {
		json_decref(shown.object);
		return out_of_memory(err);
	}
	*ret = shown.object;
	return 0;
}

static int set_trace(struct instance *inst, const json_t *programs, int all, struct sl_err *err)
{
	struct sl_config config;
	unsigned int prog;
	const char *name;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(inst->maps.config, &zero, &config))
		return sl_errno(err, errno, "cannot read map %s", SL_MAP_CONFIG);
	if (programs)
		config.trace = 0;
	for (size_t i = 0; i < json_array_size(programs); i++) {
		name = json_string_value(json_array_get(programs, i));
		if (sl_program_parse(name, &prog))
			return sl_err(err, EINVAL, "'%.32s' is none of vex, vin, vbr, vth, vbk, vtk", name);
		config.trace |= 1U << prog;
	}
	if (all >= 0)
		config.trace_all = all;
	if (bpf_map_update_elem(inst->maps.config, &zero, &config, BPF_ANY))
		return sl_errno(err, errno, "cannot write map %s", SL_MAP_CONFIG);
	return 0;
}

static int set_workload_trace(struct instance *inst, const json_t *request, int on, struct sl_err *err)
{
	struct wire_change change = WIRE_NO_CHANGE;
	struct selection selection;
	int r;

	*(on ? &change.flags_set : &change.flags_clear) = SL_WL_TRACE;
	r = select_workloads(inst, request, &selection, err);
	if (r)
		return r;
	for (unsigned int i = 0; !r && i < selection.n; i++)
		r = wire_change(inst, workloads_by_id(inst->workloads, selection.ids[i]), &change, err);
	selection_free(&selection);
	return r;
}

static int run_trace(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	const json_t *programs = json_object_get(request, "programs");
	bool workload = json_object_get(request, "target") || json_object_get(request, "id");
	int all = get_bool(request, "all"), on = get_bool(request, "on"), r = 0;
	json_t *which;

	if (workload != (on >= 0))
		return sl_err(err, EINVAL, "on belongs to a target or an id, and they to it");
	if (workload) {
		/* `all` is about the programs here, not a selection. */
		which = json_copy((json_t *)request);
		json_object_del(which, "all");
		r = which ? set_workload_trace(inst, which, on, err) : out_of_memory(err);
		json_decref(which);
	}
	if (!r && (programs || all >= 0))
		r = set_trace(inst, programs, all, err);
	if (r)
		return r;
	*ret = show_trace(inst);
	return *ret ? 0 : out_of_memory(err);
}

static int run_stop(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err)
{
	int release_asked = get_bool(request, "release"), r;
	json_t *all, *released;

	if (release_asked < 0)
		release_asked = inst->conf.on_exit == SL_EXIT_RELEASE;
	if (release_asked && workloads_reserved(inst->workloads))
		return sl_err(
			err, EBUSY,
			"sluiced goes on: %u ports are taken whose state files cannot be read, and would "
			"be cut off: see the log, or stop without release",
			workloads_reserved(inst->workloads));
	if (release_asked) {
		all = json_pack("{sb}", "all", 1);
		r = all ? run_release(inst, all, &released, err) : out_of_memory(err);
		json_decref(all);
		if (r)
			return sl_err_prefix(err, "sluiced goes on");
		json_decref(released);
	}
	*ret = json_object();
	if (!*ret)
		return out_of_memory(err);
	inst->ending = true;
	inst->end_release = release_asked;
	return 0;
}

static const struct command commands[] = {
	{ "status", run_status, .fields = { { NULL, TEXT } } },
	{ "intercept", run_intercept,
	  .fields = { { "target", TEXT },
		      { "ports", NAMES },
		      { "mode", TEXT },
		      { "fail", TEXT },
		      { "strict", BOOL },
		      { "id", NUMBER },
		      { "name", TEXT },
		      { "side", TEXT },
		      { "dry_run", BOOL } } },
	{ "release", run_release,
	  .fields = { { "target", TEXT }, { "ports", NAMES }, { "id", NUMBER }, { "all", BOOL } } },
	{ "mode", run_mode,
	  .fields = { { "target", TEXT },
		      { "id", NUMBER },
		      { "all", BOOL },
		      { "mode", TEXT },
		      { "fail", TEXT },
		      { "strict", BOOL } } },
	{ "workloads", run_workloads, .fields = { { "after", NUMBER } } },
	{ "containers", list_containers, .fields = { { "after", NUMBER } } },
	{ "doctor", run_doctor, .fields = { { NULL, TEXT } } },
	{ "trace", run_trace,
	  .fields = { { "programs", NAMES },
		      { "all", BOOL },
		      { "target", TEXT },
		      { "id", NUMBER },
		      { "on", BOOL } } },
	{ "policy_apply", .fields = { { "text", TEXT }, { "name", TEXT }, { "dry_run", BOOL } },
	  .run_passed = policy_command_apply },
	{ "policy_show", .fields = { { NULL, TEXT } }, .run_passed = policy_command_show },
	{ "stop", run_stop, .fields = { { "release", BOOL } } },
};

static bool has_type(const json_t *value, enum type type)
{
	const json_t *item;
	size_t i;

	switch (type) {
	case TEXT:
		return json_is_string(value);
	case NUMBER:
		return json_is_integer(value);
	case BOOL:
		return json_is_boolean(value);
	case NAMES:
		json_array_foreach ((json_t *)value, i, item) {
			if (!json_is_string(item))
				return false;
		}
		return json_is_array(value);
	}
	return false;
}

static int check_field(const struct command *command, const char *name, const json_t *value,
		       struct sl_err *err)
{
	static const char *const types[] = { "a string", "an integer", "true or false", "a list of strings" };
	const struct field *field;

	if (!strcmp(name, "cmd"))
		return 0;
	for (field = command->fields; field->name; field++) {
		if (strcmp(field->name, name))
			continue;
		if (!has_type(value, field->type))
			return sl_err(err, EINVAL, "field %s of %s must be %s", name, command->name,
				      types[field->type]);
		return 0;
	}
	return sl_err(err, EINVAL, "%s has no field '%.64s'", command->name, name);
}

int command_run(struct instance *inst, const json_t *request, struct passed *passed, json_t **ret_result,
		struct sl_err *err)
{
	const char *name = json_string_value(json_object_get(request, "cmd")), *key;
	const struct command *command = NULL;
	json_t *value;

	if (!name)
		return sl_err(err, EINVAL, "the request is not a JSON object with a string 'cmd'");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(commands[i].name, name))
			command = &commands[i];
	}
	if (!command)
		return sl_err(err, EOPNOTSUPP, "there is no command '%.64s'", name);
	json_object_foreach ((json_t *)request, key, value) {
		if (check_field(command, key, value, err))
			return -EINVAL;
	}
	if (command->run_passed)
		return command->run_passed(inst, request, passed, ret_result, err);
	if (passed->given >= 0)
		return sl_err(err, EINVAL, "%s takes no descriptor", command->name);
	return command->run(inst, request, ret_result, err);
}
