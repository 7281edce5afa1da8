// SPDX-License-Identifier: BSD-2-Clause
/* Letters from the main thread to a worker; see mailbox.h. */
#include "dpi/mailbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int sl_mailbox_open(struct sl_mailbox *box, struct sl_err *err)
{
	atomic_init(&box->letter, NULL);
	box->silent = false;
	box->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return box->wake_fd < 0 ? sl_errno(err, errno, "a worker's mailbox") : 0;
}

void sl_mailbox_close(struct sl_mailbox *box)
{
	if (box->wake_fd >= 0)
		close(box->wake_fd);
	box->wake_fd = -1;
}

/* Until it is done. False: the time is up. */
static bool wait_done(struct sl_letter *letter, int timeout_ms)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	do
		r = sem_clockwait(&letter->done, CLOCK_MONOTONIC, &until);
	while (r < 0 && errno == EINTR);
	return !r;
}

int sl_mailbox_ask(struct sl_mailbox *box, sl_letter_call call, void *arg, int timeout_ms)
{
	struct sl_letter letter = { .call = call, .arg = arg }, *mine = &letter;
	const uint64_t one = 1;
	int r = 0;

	if (box->silent && timeout_ms > SL_MAILBOX_SILENT_MS)
		timeout_ms = SL_MAILBOX_SILENT_MS;
	sem_init(&letter.done, 0, 0);
	atomic_store(&box->letter, &letter);
	/* Only wakes it: a worker that is awake looks anyway. */
	if (write(box->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		r = -errno;
	if (!wait_done(&letter, timeout_ms)) {
		if (atomic_compare_exchange_strong(&box->letter, &mine, NULL)) {
			r = -ETIMEDOUT;
		} else {
			/* It is being opened this moment. */
			while (sem_wait(&letter.done) < 0 && errno == EINTR)
				;
			r = 0;
		}
	}
	sem_destroy(&letter.done);
	box->silent = r == -ETIMEDOUT;
	return r;
}

void sl_mailbox_look(struct sl_mailbox *box, void *context)
{
	struct sl_letter *letter;

	if (!atomic_load_explicit(&box->letter, memory_order_relaxed))
		return;
	letter = atomic_exchange(&box->letter, NULL);
	if (!letter)
		return;
	letter->call(context, letter->arg);
	sem_post(&letter->done);
}

void sl_mailbox_woken(struct sl_mailbox *box)
{
	uint64_t n;

	if (read(box->wake_fd, &n, sizeof(n)) < 0)
		return; /* nothing to clear */
}
