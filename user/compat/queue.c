// SPDX-License-Identifier: BSD-2-Clause
/* See queue.h for the invariant. */
#include "compat/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum sent { SENT, WAITS, LOST };

static enum sent send_one(const struct queue *queue, const struct queue_message *message)
{
	ssize_t n;

	do {
		n = sendto(queue->fd, message->bytes, message->len, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)&message->to, message->to_len);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return SENT;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
		return WAITS;
	if ((errno == ENOENT || errno == ECONNREFUSED) && queue->patient)
		return WAITS;
	return LOST;
}

static bool same(const struct queue_message *a, const struct queue_message *b)
{
	return a->to_len == b->to_len && !memcmp(&a->to, &b->to, a->to_len);
}

/* Order is kept: whoever had to wait for one message waits for the next as well. */
static bool must_wait(const struct queue *queue, unsigned int kept, const struct queue_message *message)
{
	for (unsigned int i = 0; i < kept; i++) {
		if (same(&queue->message[i], message))
			return true;
	}
	return false;
}

bool queue_push(struct queue *queue)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < queue->n; i++) {
		struct queue_message message = queue->message[i];
		enum sent sent = must_wait(queue, kept, &message) ? WAITS : send_one(queue, &message);

		if (sent == WAITS) {
			queue->message[kept++] = message;
			continue;
		}
		queue->sent += sent == SENT;
		queue->dropped += sent == LOST;
		free(message.bytes);
	}
	queue->n = kept;
	return kept;
}

void queue_add(struct queue *queue, const void *bytes, size_t len, const struct sockaddr_un *to,
	       socklen_t to_len)
{
	uint8_t *copy = malloc(len);

	if (!copy) {
		queue->dropped++;
		return;
	}
	if (queue->n == QUEUE_MAX) {
		queue->dropped++;
		free(queue->message[0].bytes);
		memmove(queue->message, queue->message + 1, (QUEUE_MAX - 1) * sizeof(queue->message[0]));
		queue->n--;
	}
	memcpy(copy, bytes, len);
	queue->message[queue->n++] =
		(struct queue_message){ .len = len, .to = *to, .to_len = to_len, .bytes = copy };
	queue_push(queue);
}

void queue_clear(struct queue *queue)
{
	while (queue->n)
		free(queue->message[--queue->n].bytes);
}
