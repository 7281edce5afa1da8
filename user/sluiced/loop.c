// SPDX-License-Identifier: BSD-2-Clause
/* One epoll set; see loop.h for the invariant. */
#include "sluiced/loop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int loop_open(struct loop *loop, struct sl_err *err)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return sl_errno(err, errno, "cannot make an epoll set");
	*loop = (struct loop){ .epfd = fd };
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->epfd >= 0)
		close(loop->epfd);
	loop->epfd = -1;
}

int loop_add(struct loop *loop, struct source *source, const char *what, struct sl_err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, source->fd, &event))
		return sl_errno(err, errno, "cannot watch %s", what);
	return 0;
}

void source_close(struct loop *loop, struct source *source)
{
	if (source->fd < 0)
		return;
	/* By hand, because a descriptor that a child has inherited would stay in the set. */
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

int loop_run(struct loop *loop, struct sl_err *err)
{
	struct epoll_event event;
	int n;

	while (!loop->ended) {
		n = epoll_wait(loop->epfd, &event, 1, -1);
		if (n < 0 && errno != EINTR)
			return sl_errno(err, errno, "waiting for events");
		if (n == 1) {
			struct source *source = event.data.ptr;

			source->ready(source, event.events);
		}
	}
	return 0;
}

int timer_open(struct loop *loop, struct source *source, const char *what, struct sl_err *err)
{
	int r;

	source->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (source->fd < 0)
		return sl_errno(err, errno, "cannot make a timer for %s", what);
	r = loop_add(loop, source, what, err);
	if (r)
		source_close(loop, source);
	return r;
}

static struct timespec from_ms(__u64 ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

void timer_set(const struct source *source, __u64 first_ms, __u64 every_ms)
{
	struct itimerspec spec = { .it_value = from_ms(first_ms), .it_interval = from_ms(every_ms) };

	/* Fails only for arguments that cannot occur here. */
	timerfd_settime(source->fd, 0, &spec, NULL);
}

void timer_clear(const struct source *source)
{
	__u64 expirations;

	/* Nothing to read means that it was set anew meanwhile, which is as good. */
	if (read(source->fd, &expirations, sizeof(expirations)) < 0)
		return;
}

__u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}
