// SPDX-License-Identifier: BSD-2-Clause
/* Letters to a worker: opened once, answered, or withdrawn when the worker does not come; and a poll they wake. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "dpi/mailbox.h"

static struct sl_mailbox box = SL_MAILBOX_NONE;
static atomic_bool stop;
static int context;

static void start(void)
{
	struct sl_err err = { 0 };

	cr_assert_eq(sl_mailbox_open(&box, &err), 0, "%s", err.text);
	atomic_store(&stop, false);
}

static void end(void)
{
	sl_mailbox_close(&box);
}

TestSuite(dpi_mailbox, .init = start, .fini = end, .timeout = 60);

static void add_one(void *given, void *arg)
{
	cr_assert_eq(given, &context);
	++*(int *)arg;
}

/* A worker that sleeps in poll() as the real one does: how often it woke. */
static void *worker(void *arg)
{
	while (!atomic_load(&stop)) {
		struct pollfd pollfd = { .fd = box.wake_fd, .events = POLLIN };

		sl_mailbox_look(&box, &context);
		if (poll(&pollfd, 1, 20) > 0) {
			++*(unsigned int *)arg;
			sl_mailbox_woken(&box);
		}
	}
	return NULL;
}

Test(dpi_mailbox, many_letters_each_opened_once)
{
	unsigned int woken = 0;
	pthread_t thread;
	int n = 0;

	cr_assert_eq(pthread_create(&thread, NULL, worker, &woken), 0);
	for (int i = 0; i < 20000; i++) {
		cr_assert_eq(sl_mailbox_ask(&box, add_one, &n, 10000), 0);
		cr_assert_eq(n, i + 1);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	cr_assert_leq(woken, 20001u, "an old waking must not keep the worker awake");
}

Test(dpi_mailbox, a_worker_that_does_not_come)
{
	int n = 0;

	cr_assert_eq(sl_mailbox_ask(&box, add_one, &n, 10), -ETIMEDOUT);
	sl_mailbox_look(&box, &context);
	cr_assert_eq(n, 0, "the letter was withdrawn");
}

/* Each letter that waited for it as long as it may would be the end of the test. */
Test(dpi_mailbox, who_is_stuck_is_waited_for_once)
{
	unsigned int woken = 0;
	pthread_t thread;
	int n = 0;

	cr_assert_eq(sl_mailbox_ask(&box, add_one, &n, 500), -ETIMEDOUT);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(sl_mailbox_ask(&box, add_one, &n, 120000), -ETIMEDOUT);
	/* And is believed again once it answers. */
	cr_assert_eq(pthread_create(&thread, NULL, worker, &woken), 0);
	while (sl_mailbox_ask(&box, add_one, &n, 500) < 0)
		;
	cr_assert_eq(n, 1);
	cr_assert_eq(box.silent, false);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}
