// SPDX-License-Identifier: BSD-2-Clause
/*
 * rtnetlink requests with the kernel's own words in the errors; see session.h
 * for the invariant.
 *
 * A dump is collected whole before it is shown: an interrupted one (something
 * changed meanwhile) is asked for again, and nobody sees half of it.
 */
#include "netlink/session.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/fault.h"
#include "lib/netns.h"
#include "netlink/messages.h"

#define LABEL_LEN 80
#define EXT_LEN 160
#define DUMP_ATTEMPTS 10
#define RECEIVE_BUFFER (1024 * 1024)

struct nls {
	struct nl_sock *socket;
	char label[LABEL_LEN];
};

/* What came back on one request. */
struct reply {
	struct msgs *messages; /* NULL: not wanted */
	int error; /* positive errno */
	bool interrupted;
	bool done;
	char ext[EXT_LEN];
};

static int on_message(struct nl_msg *msg, void *context)
{
	struct reply *reply = context;

	if (reply->messages && msgs_add(reply->messages, nlmsg_hdr(msg)))
		reply->error = ENOMEM;
	/* A get that is no dump has its acknowledgement behind it; see nls_dump(). */
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *context)
{
	struct reply *reply = context;

	(void)msg;
	reply->done = true;
	return NL_STOP;
}

/* A dump's end carries an error when it had to stop. */
static int on_finish(struct nl_msg *msg, void *context)
{
	struct reply *reply = context;
	int code;

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(code)) {
		memcpy(&code, nlmsg_data(nlmsg_hdr(msg)), sizeof(code));
		if (code < 0)
			reply->error = -code;
	}
	reply->done = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *context)
{
	struct reply *reply = context;

	(void)msg;
	reply->interrupted = true;
	return NL_OK;
}

/* The extended acknowledgement stands behind the (possibly capped) request. */
static void read_ext(const struct nlmsghdr *header, const struct nlmsgerr *e, char *text, size_t size)
{
	size_t used = sizeof(*e), total = header->nlmsg_len - NLMSG_HDRLEN;
	struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		used += e->msg.nlmsg_len - NLMSG_HDRLEN;
	used = NLMSG_ALIGN(used);
	if (used >= total)
		return;
	attr = nla_find((struct nlattr *)((char *)e + used), total - used, NLMSGERR_ATTR_MSG);
	if (attr)
		nla_strlcpy(text, attr, size);
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *context)
{
	struct reply *reply = context;

	(void)from;
	reply->error = -e->error;
	reply->done = true;
	read_ext((struct nlmsghdr *)((char *)e - NLMSG_HDRLEN), e, reply->ext, sizeof(reply->ext));
	return NL_STOP;
}

/* libnl has numbers of its own. */
static int errno_of(int nl_error)
{
	switch (nl_error < 0 ? -nl_error : nl_error) {
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_PERM:
		return EPERM;
	case NLE_NOACCESS:
		return EACCES;
	case NLE_MSG_OVERFLOW:
	case NLE_MSGSIZE:
		return ENOBUFS;
	case NLE_PROTO_MISMATCH:
		return EPROTONOSUPPORT;
	case NLE_AF_NOSUPPORT:
		return EAFNOSUPPORT;
	default:
		return EIO;
	}
}

/* Sends msg and reads until its end. 0, or -errno of the conversation itself. */
static int converse(struct nls *nls, struct nl_msg *msg, struct reply *reply)
{
	struct nl_cb *cb;
	int rc;

	rc = sl_fault("netlink send");
	if (rc)
		return -rc;
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, reply);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, reply);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, reply);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, reply);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, reply);

	rc = nl_send_auto(nls->socket, msg);
	while (rc >= 0 && !reply->done)
		rc = nl_recvmsgs(nls->socket, cb);
	nl_cb_put(cb);
	/* An error answer and an interrupted dump are results of ours, not of libnl's. */
	if (rc < 0 && !reply->done)
		return -errno_of(rc);
	/* The worst kind: the kernel has done it, and nobody is told. */
	return -sl_fault("netlink receive");
}

static int fail(struct nls *nls, const struct reply *reply, int code, struct sl_err *err, const char *fmt,
		va_list ap)
{
	char what[256];

	vsnprintf(what, sizeof(what), fmt, ap);
	if (reply->ext[0])
		return sl_err(err, code, "cannot %s in %s: %s (%s)", what, nls->label, strerror(code),
			      reply->ext);
	return sl_errno(err, code, "cannot %s in %s", what, nls->label);
}

int nls_call(struct nls *nls, struct nl_msg *msg, struct sl_err *err, const char *what_fmt, ...)
{
	struct reply reply = { 0 };
	va_list ap;
	int rc;

	if (!msg)
		return sl_err(err, ENOMEM, "out of memory for a message to %s", nls->label);
	rc = converse(nls, msg, &reply);
	nlmsg_free(msg);
	if (!rc)
		rc = -reply.error;
	if (rc) {
		va_start(ap, what_fmt);
		rc = fail(nls, &reply, -rc, err, what_fmt, ap);
		va_end(ap);
	}
	return rc;
}

int nls_dump(struct nls *nls, struct nl_msg *msg, nls_visit visit, void *context, struct sl_err *err,
	     const char *what_fmt, ...)
{
	struct msgs messages = { 0 };
	struct reply reply;
	unsigned int attempt;
	va_list ap;
	size_t i;
	int rc;

	if (!msg)
		return sl_err(err, ENOMEM, "out of memory for a message to %s", nls->label);
	/* So that a get ends with an acknowledgement as a dump ends with DONE. */
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	for (attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
		msgs_clear(&messages);
		memset(&reply, 0, sizeof(reply));
		reply.messages = &messages;
		nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
		rc = converse(nls, msg, &reply);
		if (!rc && reply.error)
			rc = -reply.error;
		if (!rc && reply.interrupted)
			rc = -EAGAIN;
		if (rc != -EAGAIN)
			break;
	}
	nlmsg_free(msg);
	if (rc) {
		va_start(ap, what_fmt);
		rc = fail(nls, &reply, -rc, err, what_fmt, ap);
		va_end(ap);
		goto out;
	}
	for (i = 0; i < messages.n; i++) {
		rc = visit(context, messages.item[i]);
		if (rc) {
			va_start(ap, what_fmt);
			rc = fail(nls, &reply, -rc, err, what_fmt, ap);
			va_end(ap);
			break;
		}
	}
out:
	msgs_clear(&messages);
	return rc;
}

static int connect_here(struct nls *nls)
{
	int one = 1, rc;

	nls->socket = nl_socket_alloc();
	if (!nls->socket)
		return -ENOMEM;
	rc = sl_fault("netlink open");
	if (rc)
		return -rc;
	rc = nl_connect(nls->socket, NETLINK_ROUTE);
	if (rc < 0)
		return -errno_of(rc);
	/* Best effort: kernels without these give fewer words, or more answers that are then filtered here. */
	nl_socket_set_buffer_size(nls->socket, RECEIVE_BUFFER, 0);
	setsockopt(nl_socket_get_fd(nls->socket), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nls->socket), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nls->socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	return 0;
}

int nls_open(struct nls **ret, int netns_fd, const char *label, struct sl_err *err)
{
	struct nls *nls;
	int token = -1, rc;

	nls = calloc(1, sizeof(*nls));
	if (!nls)
		return sl_err(err, ENOMEM, "out of memory");
	snprintf(nls->label, sizeof(nls->label), "%s", label);
	if (netns_fd >= 0) {
		token = sl_netns_enter(netns_fd, err);
		if (token < 0) {
			free(nls);
			return token;
		}
	}
	rc = connect_here(nls);
	if (token >= 0)
		sl_netns_leave(token);
	if (rc) {
		nls_close(nls);
		return sl_errno(err, -rc, "cannot open a netlink socket in %s", label);
	}
	*ret = nls;
	return 0;
}

void nls_close(struct nls *nls)
{
	if (!nls)
		return;
	nl_socket_free(nls->socket);
	free(nls);
}

const char *nls_label(const struct nls *nls)
{
	return nls->label;
}
