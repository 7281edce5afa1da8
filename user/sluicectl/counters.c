// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl counters: where frames went. Reads the pinned maps itself, so it
 * needs no daemon, only the right to open them.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "sluicectl/figures.h"
#include "sluicectl/output.h"

#define ALL_PROGRAMS ((1U << SL_PROG_MAX) - 1)
#define WATCH_MIN_S 0.1
#define WATCH_MAX_S 86400.0

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_counters = {
	.name = "counters",
	.arguments = "[OPTION]...",
	.summary = "Shows where frames went, program by program; needs no daemon",
	.help = "  -a, --all             counters that are zero, too\n"
		"      --program NAME[,NAME]...\n"
		"                        only these of vex, vin, vbr, vth, vbk, vtk; can be repeated\n"
		"  -c, --check           verify in = out + drop of each program: exit status 1 if it does "
		"not hold;\n"
		"                        and show what was lost between the programs, which is no failure\n"
		"  -w, --watch SECONDS   again and again, with rates, until ^C\n"
		"\n"
		"Every frame that enters a program counts as `in` once, and once for the reason it left. A "
		"frame is\n"
		"what the program saw; a super-frame of an offload is several segments. MEANING says it in "
		"words.\n"
		"\n"
		"Example:\n"
		"  sluicectl counters --program vex,vin --watch 1\n",
	.run = run,
};

enum { OPT_PROGRAM = OPT_FIRST };

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "check", no_argument, NULL, 'c' },
	{ "watch", required_argument, NULL, 'w' },
	VERB_OPTIONS,
};

struct wish {
	struct figures_view view;
	bool check;
	double watch_s; /* 0: once */
};

static int parse_seconds(const char *text, double *ret, struct sl_err *err)
{
	char *end;
	double value = strtod(text, &end);

	/* Written so that NaN fails, too. */
	if (end == text || *end || !(value >= WATCH_MIN_S && value <= WATCH_MAX_S))
		return usage_error(err, "'%s' is no number of seconds from %g to %g", text, WATCH_MIN_S,
				   WATCH_MAX_S);
	*ret = value;
	return 0;
}

static int read_words(struct ctl *ctl, struct wish *wish, int argc, char **argv, struct sl_err *err)
{
	int c, r = 0;

	while (!r && (c = verb_option(ctl, &verb_counters, argc, argv, options, err))) {
		switch (c) {
		case 'a':
			wish->view.zeros = true;
			break;
		case 'c':
			wish->check = true;
			break;
		case 'w':
			r = parse_seconds(optarg, &wish->watch_s, err);
			break;
		case OPT_PROGRAM:
			r = parse_programs(optarg, &wish->view.programs, err);
			break;
		default:
			return c;
		}
	}
	if (!r)
		r = check_words(argc, argv, 0, 0, "", err);
	if (!r && wish->check && (wish->watch_s > 0 || wish->view.zeros))
		r = usage_error(err, "--check goes with neither --watch nor --all");
	wish->view.core = !wish->view.programs;
	if (!wish->view.programs)
		wish->view.programs = ALL_PROGRAMS;
	return r;
}

static int show(const struct ctl *ctl, const struct figures *figures, const struct figures *before,
		const struct wish *wish, struct sl_err *err)
{
	json_t *object;
	int r;

	if (!ctl->json)
		return figures_print(figures, before, &wish->view, err);
	object = figures_json(ctl, figures, before, &wish->view);
	if (!object)
		return sl_err(err, ENOMEM, "no memory for the output");
	r = print_json(ctl, object, err);
	json_decref(object);
	return r;
}

static int open_timer(double seconds, struct sl_err *err)
{
	struct itimerspec every;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	every.it_interval.tv_sec = (time_t)seconds;
	every.it_interval.tv_nsec = (long)((seconds - (double)every.it_interval.tv_sec) * 1e9);
	every.it_value = every.it_interval;
	if (fd >= 0 && !timerfd_settime(fd, 0, &every, NULL))
		return fd;
	sl_errno(err, errno, "cannot set a timer");
	if (fd >= 0)
		close(fd);
	return -err->code;
}

/* 1 at the next tick, 0 when it is time to end, or -errno. */
static int wait_tick(int timer, int signals, struct sl_err *err)
{
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN }, { .fd = timer, .events = POLLIN } };
	__u64 ticks;

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			return sl_errno(err, errno, "cannot wait for the timer");
	}
	if (fds[0].revents)
		return 0;
	if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return sl_errno(err, errno, "cannot read the timer");
	return 1;
}

static int show_again(const struct ctl *ctl, const struct sl_maps *maps, const struct wish *wish,
		      struct figures figures[2], unsigned int turn, struct sl_err *err)
{
	int r = figures_read(maps, &figures[turn & 1], err);

	if (r)
		return r;
	if (!ctl->json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	else if (!ctl->json && turn > 1)
		putchar('\n');
	r = show(ctl, &figures[turn & 1], &figures[~turn & 1], wish, err);
	if (!r && fflush(stdout))
		r = sl_errno(err, errno, "cannot write the output");
	return r;
}

static int watch(const struct ctl *ctl, const struct sl_maps *maps, const struct wish *wish,
		 struct sl_err *err)
{
	struct figures figures[2];
	int signals, timer, r;

	signals = open_end(err);
	if (signals < 0)
		return signals;
	timer = open_timer(wish->watch_s, err);
	r = timer < 0 ? timer : figures_read(maps, &figures[0], err);
	for (unsigned int turn = 1; !r; turn++) {
		r = wait_tick(timer, signals, err);
		if (r <= 0)
			break;
		r = show_again(ctl, maps, wish, figures, turn, err);
	}
	if (timer >= 0)
		close(timer);
	close(signals);
	return r;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	struct sl_maps maps = SL_MAPS_NONE;
	struct wish wish = { 0 };
	struct figures figures;
	char dir[2 * SL_PATH_LEN];
	int r;

	r = read_words(ctl, &wish, argc, argv, err);
	if (r)
		return r;
	if (sl_conf_pin_dir(&ctl->conf, dir, sizeof(dir)))
		return sl_err(err, ENAMETOOLONG, "the path of instance %s's pins is too long",
			      ctl->conf.instance);
	libbpf_set_print(NULL); /* what it would say is in the error */
	r = sl_maps_open(&maps, dir, err);
	if (r)
		return r;
	if (wish.check) {
		r = figures_check(ctl, &maps, wish.view.programs, err);
	} else if (wish.watch_s > 0) {
		r = watch(ctl, &maps, &wish, err);
	} else {
		r = figures_read(&maps, &figures, err);
		if (!r)
			r = show(ctl, &figures, NULL, &wish, err);
	}
	sl_maps_close(&maps);
	return r;
}
