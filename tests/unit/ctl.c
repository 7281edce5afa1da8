// SPDX-License-Identifier: BSD-2-Clause
/* The command line as its users meet it: what it asks, says and returns; see ctl_lab.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_lab.h"
#include "lib/sock.h"

TestSuite(ctl, .init = ctl_set_up, .fini = ctl_tear_down, .timeout = 60);

Test(ctl, usage_errors)
{
	static const char *const lines[] = {
		"",
		"bogus",
		"st",
		"--bogus",
		"-i",
		"-i a/b status",
		"status x",
		"status -q",
		"intercept",
		"intercept a b",
		"intercept a --mode x",
		"intercept a --fail x",
		"intercept a --id 0",
		"intercept a --id 65536",
		"intercept a --id 1x",
		"intercept a --id",
		"intercept a --port ,",
		"intercept a --port x,",
		"intercept a --id 1 --port x,y",
		"intercept a --strict=1",
		"intercept a --name 12345678901234567890123456789012",
		"release",
		"release --all x",
		"release --all --id 1",
		"release --id 1 --port x",
		"mode",
		"mode a",
		"mode a bogus",
		"mode --id 1",
		"mode --all inline off",
		"workloads x",
		"counters x",
		"counters --program vxx",
		"counters --watch 0",
		"counters --watch nan",
		"counters --check --watch 1",
		"trace",
		"trace bogus",
		"trace on off",
		"trace on --id 1 --all",
		"trace show --all",
		"trace follow --workload x",
		"stop --release --keep",
		"help bogus",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		ctl_exits(2, lines[i]);
		expect_has(ctl_err_out, "--help");
		cr_assert_str_empty(ctl_out);
	}
	ctl_exits(2, "-j mode a bogus");
	expect_has(ctl_err_out, "{\"error\":{\"errno\":\"EINVAL\"");
}

Test(ctl, help_of_every_verb)
{
	static const char *const verbs[] = { "status",	 "intercept", "release", "mode", "workloads",
					     "counters", "doctor",    "trace",	 "stop", "repair" };
	char line[64];

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		snprintf(line, sizeof(line), "%s --help", verbs[i]);
		ctl_exits(0, line);
		expect_has(ctl_out, "Usage: sluicectl");
		expect_has(ctl_out, "Example:");
		cr_assert_str_empty(ctl_err_out);
	}
	ctl_exits(0, "--help");
	ctl_exits(0, "help");
	ctl_exits(0, "help mode");
	ctl_exits(0, "--version");
	ctl_exits(0, "version");
}

Test(ctl, daemon_absent)
{
	ctl_exits(1, "status");
	expect_has(ctl_err_out, "ENOENT");
	expect_has(ctl_err_out, "is sluiced running?");
	ctl_exits(1, "-j status");
	expect_has(ctl_err_out, "\"errno\":\"ENOENT\"");
	expect_has(ctl_err_out, "is sluiced running?");
	cr_assert_str_empty(ctl_out);
	setenv("SLUICE_INSTANCE", "elsewhere", 1);
	ctl_exits(1, "status");
	expect_has(ctl_err_out, "/elsewhere/control.sock");
	expect_has(ctl_err_out, "sluiced --instance elsewhere");
	ctl_exits(1, "-i there status");
	expect_has(ctl_err_out, "/there/control.sock");
}

Test(ctl, daemon_absent_but_not_for_doctor)
{
	ctl_exits(0, "doctor");
	expect_has(ctl_out, "not asked");
	expect_has(ctl_out, "btf");
	ctl_exits(0, "-j doctor");
	expect_has(ctl_out, "{\"checks\":[{\"name\":\"daemon\",\"status\":\"warn\"");
}

Test(ctl, no_pins)
{
	ctl_exits(1, "counters");
	expect_has(ctl_err_out, "sluice/default/");
	expect_has(ctl_err_out, ": ENOENT");
}

Test(ctl, daemon_error)
{
	static const char *const answers[] = {
		"{\"ok\":false,\"error\":{\"errno\":\"ENODEV\",\"message\":\"no port x\"}}",
		"{\"ok\":false,\"error\":{\"errno\":\"ENODEV\",\"message\":\"no port x\"}}",
		"{\"ok\":false,\"error\":{\"errno\":\"EBOGUS\",\"message\":\"a\\u001bb\"}}",
	};

	ctl_serve(answers, 3);
	ctl_exits(1, "intercept pid:1 --port x");
	cr_assert_str_eq(ctl_err_out, "sluicectl: no port x: ENODEV\n");
	cr_assert_str_empty(ctl_out);
	ctl_exits(1, "-j intercept pid:1 --port x");
	ctl_expect_json(ctl_err_out, "{\"error\":{\"errno\":\"ENODEV\",\"message\":\"no port x\"}}");
	ctl_exits(1, "intercept pid:1 --port x");
	cr_assert_str_eq(ctl_err_out, "sluicectl: a?b (sluiced says EBOGUS): EPROTO\n");
}

Test(ctl, json_passes_through)
{
	static const char result[] = "{\"instance\":\"default\",\"news\":{\"a\":[1,null,true,\"\\u00e9\"]}}";
	char answer[256];
	const char *answers[] = { answer, answer };

	snprintf(answer, sizeof(answer), "{\"ok\":true,\"result\":%s}", result);
	ctl_serve(answers, 2);
	ctl_exits(0, "-j status");
	ctl_expect_json(ctl_out, result);
	ctl_exits(0, "status --pretty");
	ctl_expect_json(ctl_out, result);
	ctl_expect_request(0, "{\"cmd\":\"status\"}");
}

Test(ctl, requests)
{
	static const struct {
		const char *line, *request;
	} cases[] = {
		{ "intercept container:web --port a,b --port c --mode tap --fail open --no-strict --name n "
		  "--dry-run",
		  "{\"cmd\":\"intercept\",\"target\":\"container:web\",\"ports\":[\"a\",\"b\",\"c\"],"
		  "\"mode\":\"tap\",\"fail\":\"open\",\"strict\":false,\"name\":\"n\",\"dry_run\":true}" },
		{ "intercept 7 --id 180 --strict",
		  "{\"cmd\":\"intercept\",\"target\":\"7\",\"id\":180,\"strict\":true}" },
		{ "release pid:7 --port x", "{\"cmd\":\"release\",\"target\":\"pid:7\",\"ports\":[\"x\"]}" },
		{ "release --id 3", "{\"cmd\":\"release\",\"id\":3}" },
		{ "release --all", "{\"cmd\":\"release\",\"all\":true}" },
		{ "mode web inline --fail closed",
		  "{\"cmd\":\"mode\",\"target\":\"web\",\"mode\":\"inline\",\"fail\":\"closed\"}" },
		{ "mode --id 3 --strict", "{\"cmd\":\"mode\",\"id\":3,\"strict\":true}" },
		{ "mode --all off", "{\"cmd\":\"mode\",\"all\":true,\"mode\":\"off\"}" },
		{ "trace show", "{\"cmd\":\"trace\"}" },
		{ "trace off --all", "{\"cmd\":\"trace\",\"all\":false}" },
	};
	static const char empty[] = "{\"ok\":true,\"result\":{\"items\":[]}}";
	const char *answers[sizeof(cases) / sizeof(*cases)];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		answers[i] = empty;
	ctl_serve(answers, sizeof(cases) / sizeof(*cases));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ctl_exits(0, cases[i].line);
		ctl_expect_request(i, cases[i].request);
	}
}

Test(ctl, pages_are_joined)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":1},{\"id\":2}],\"next\":2}}",
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":7}],\"next\":7}}",
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":9}]}}",
	};

	ctl_serve(answers, 3);
	ctl_exits(0, "-j workloads");
	ctl_expect_json(ctl_out, "{\"items\":[{\"id\":1},{\"id\":2},{\"id\":7},{\"id\":9}]}");
	ctl_expect_request(0, "{\"cmd\":\"workloads\"}");
	ctl_expect_request(1, "{\"cmd\":\"workloads\",\"after\":2}");
	ctl_expect_request(2, "{\"cmd\":\"workloads\",\"after\":7}");
}

Test(ctl, pages_that_never_end)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":1}],\"next\":5}}",
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":1}],\"next\":5}}",
	};

	ctl_serve(answers, 2);
	ctl_exits(1, "-j workloads");
	expect_has(ctl_err_out, "EPROTO");
	cr_assert_str_empty(ctl_out);
}

Test(ctl, malformed_answers)
{
	static const char *const answers[] = {
		"{",
		"[]",
		"7",
		"{}",
		"{\"ok\":1,\"result\":{}}",
		"{\"ok\":true}",
		"{\"ok\":true,\"result\":[]}",
		"{\"ok\":true,\"ok\":true,\"result\":{}}",
		"{\"ok\":true,\"result\":{}} x",
		"{\"ok\":false}",
		"{\"ok\":false,\"error\":{\"errno\":5,\"message\":\"\"}}",
		"{\"ok\":true,\"result\":{\"a\":\"\xff\"}}",
		"\xff\xff",
	};
	unsigned int n = sizeof(answers) / sizeof(*answers);

	ctl_serve(answers, n);
	for (unsigned int i = 0; i < n; i++) {
		ctl_exits(1, "-j status");
		expect_has(ctl_err_out, "\"errno\":\"EPROTO\"");
		cr_assert_str_empty(ctl_out);
	}
}

Test(ctl, answer_too_long)
{
	static char answer[SL_MSG_MAX + 100];

	memset(answer, ' ', sizeof(answer) - 1);
	ctl_serve_one(answer);
	ctl_exits(1, "status");
	expect_has(ctl_err_out, "longer than 64 KiB");
	expect_has(ctl_err_out, ": EPROTO");
}

Test(ctl, connection_closed)
{
	ctl_serve_one("");
	ctl_exits(1, "status");
	expect_has(ctl_err_out, ": ECONNRESET");
}

Test(ctl, tables)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"items\":[{\"id\":180,\"name\":\"a\\u001b[31m\\u009bb\\n\","
		"\"port\":\"eth0\","
		"\"mode\":\"inline\",\"strict\":true,\"traffic\":{\"to_workload\":{\"frames\":1234567,"
		"\"inspected\":5},"
		"\"from_workload\":{\"frames\":999,\"inspected\":6}}}]}}",
		"{\"ok\":true,\"result\":{}}",
		"{\"ok\":true,\"result\":{}}",
	};

	ctl_serve(answers, 3);
	ctl_exits(0, "workloads");
	expect_has(ctl_out, "1,234,567");
	expect_has(ctl_out, " 11 ");
	expect_has(ctl_out, "a?[31m?b? ");
	/* What is absent is shown as such, and nothing crashes on it. */
	ctl_exits(0, "status");
	ctl_exits(0, "trace show");
}

Test(ctl, doctor_result_is_the_exit_status)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"checks\":[{\"name\":\"tcx\",\"status\":\"ok\",\"detail\":\"d\"},"
		"{\"name\":\"x\",\"status\":\"warn\",\"detail\":\"d\"}]}}",
		"{\"ok\":true,\"result\":{\"checks\":[{\"name\":\"tcx\",\"status\":\"fail\",\"detail\":"
		"\"why\"}]}}",
	};

	ctl_serve(answers, 2);
	ctl_exits(0, "doctor");
	ctl_exits(1, "doctor");
	expect_has(ctl_out, "why");
	cr_assert_str_empty(ctl_err_out);
}

Test(ctl, trace_off_leaves_nobody_marked)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"programs\":[],\"all\":false,\"workloads\":[3,9]}}",
		"{\"ok\":true,\"result\":{\"programs\":[],\"all\":false,\"workloads\":[9]}}",
		"{\"ok\":false,\"error\":{\"errno\":\"ENOENT\",\"message\":\"released meanwhile\"}}",
		"{\"ok\":true,\"result\":{\"programs\":[],\"all\":false,\"workloads\":[]}}",
	};

	ctl_serve(answers, 4);
	ctl_exits(0, "-j trace off");
	ctl_expect_request(0, "{\"cmd\":\"trace\",\"programs\":[],\"all\":false}");
	ctl_expect_request(1, "{\"cmd\":\"trace\",\"id\":3,\"on\":false}");
	ctl_expect_request(2, "{\"cmd\":\"trace\",\"id\":9,\"on\":false}");
	ctl_expect_request(3, "{\"cmd\":\"trace\"}");
	ctl_expect_json(ctl_out, "{\"programs\":[],\"all\":false,\"workloads\":[]}");
}

Test(ctl, trace_on_adds)
{
	static const char *const answers[] = {
		"{\"ok\":true,\"result\":{\"programs\":[\"vbr\"],\"all\":false,\"workloads\":[]}}",
		"{\"ok\":true,\"result\":{\"programs\":[\"vex\",\"vbr\"],\"all\":false,\"workloads\":[180]}}",
	};

	ctl_serve(answers, 2);
	ctl_exits(0, "trace on --id 180 --program vex");
	ctl_expect_request(1, "{\"cmd\":\"trace\",\"id\":180,\"programs\":[\"vex\",\"vbr\"],\"on\":true}");
	expect_has(ctl_out, "id 180");
}

Test(ctl, stop_waits_for_the_end)
{
	siginfo_t info = { 0 };

	ctl_serve_one("{\"ok\":true,\"result\":{}}");
	ctl_exits(0, "stop --release");
	cr_assert_str_empty(ctl_out);
	cr_assert(!waitid(P_PID, ctl_server, &info, WEXITED | WNOHANG | WNOWAIT));
	cr_assert_eq(info.si_pid, ctl_server, "sluicectl stop has returned before the daemon had ended");
	ctl_expect_request(0, "{\"cmd\":\"stop\",\"release\":true}");
}

Test(ctl, full_output)
{
	char line[512];
	int status;

	ctl_serve_one("{\"ok\":true,\"result\":{}}");
	snprintf(line, sizeof(line), "exec %s/sluicectl --run-dir %s -j status >/dev/full 2>%s/record.err",
		 getenv("SLUICE_BUILD") ?: "build", ctl_dir, ctl_dir);
	status = system(line); /* NOLINT: a test may */
	cr_assert_eq(WEXITSTATUS(status), 1);
	snprintf(line, sizeof(line), "%s/record.err", ctl_dir);
	cr_assert(!access(line, F_OK));
	unlink(line);
}
