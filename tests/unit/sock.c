// SPDX-License-Identifier: BSD-2-Clause
/* SEQPACKET sockets: modes, stale and living sockets, limits of a message. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sock.h"

static char folder[] = "/tmp/sluice-sock-XXXXXX";
static char path[64];

static void make_folder(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

TestSuite(sock, .init = make_folder, .fini = remove_folder);

/* Both ends of a connection over the path. */
static void connect_pair(int *ret_listener, int *ret_client, int *ret_server)
{
	struct sl_err err = { 0 };

	*ret_listener = sl_sock_listen(path, &err);
	cr_assert_geq(*ret_listener, 0, "%s", err.text);
	*ret_client = sl_sock_connect(path, &err);
	cr_assert_geq(*ret_client, 0, "%s", err.text);
	*ret_server = accept(*ret_listener, NULL, NULL);
	cr_assert_geq(*ret_server, 0);
}

Test(sock, only_the_owner_may_connect)
{
	struct stat st;
	int fd;

	umask(0);
	fd = sl_sock_listen(path, NULL);
	cr_assert_geq(fd, 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(sock, a_stale_socket_is_replaced_a_living_one_is_not)
{
	struct sl_err err;
	int first = sl_sock_listen(path, &err), second;

	cr_assert_geq(first, 0);
	cr_assert_eq(sl_sock_listen(path, &err), -EADDRINUSE);
	cr_assert(strstr(err.text, path));
	close(first);
	second = sl_sock_listen(path, &err);
	cr_assert_geq(second, 0);
}

Test(sock, another_file_is_left_alone)
{
	struct sl_err err;
	int fd = creat(path, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(sl_sock_listen(path, &err), -EEXIST);
	cr_assert_eq(access(path, F_OK), 0);
}

Test(sock, a_path_that_is_too_long_is_named)
{
	char longer[200];
	struct sl_err err;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	cr_assert_eq(sl_sock_listen(longer, &err), -ENAMETOOLONG);
	cr_assert_eq(sl_sock_connect(longer, &err), -ENAMETOOLONG);
}

Test(sock, nobody_there)
{
	struct sl_err err;

	cr_assert_eq(sl_sock_connect(path, &err), -ENOENT);
}

Test(sock, messages_keep_their_bounds)
{
	int listener, client, server;
	char text[16];

	connect_pair(&listener, &client, &server);
	cr_assert_eq(sl_sock_send(client, "one", 3), 0);
	cr_assert_eq(sl_sock_send(client, "three", 5), 0);
	cr_assert_eq(sl_sock_recv(server, text, sizeof(text)), 3);
	cr_assert_eq(sl_sock_recv(server, text, sizeof(text)), 5);
	close(client);
	cr_assert_eq(sl_sock_recv(server, text, sizeof(text)), 0);
}

Test(sock, the_largest_message_passes_a_larger_one_does_not)
{
	char *big = calloc(1, SL_MSG_MAX + 1), *received = malloc(SL_MSG_MAX + 1);
	int listener, client, server;

	connect_pair(&listener, &client, &server);
	cr_assert_eq(sl_sock_send(client, big, SL_MSG_MAX), 0);
	cr_assert_eq(sl_sock_recv(server, received, SL_MSG_MAX + 1), SL_MSG_MAX);
	cr_assert_eq(sl_sock_send(client, big, SL_MSG_MAX + 1), -EMSGSIZE);
	/* A peer that does not use this library. */
	cr_assert_eq(send(client, big, SL_MSG_MAX + 1, 0), SL_MSG_MAX + 1);
	cr_assert_eq(send(client, "x", 1, 0), 1);
	cr_assert_eq(sl_sock_recv(server, received, SL_MSG_MAX + 1), -EMSGSIZE);
	cr_assert_eq(sl_sock_recv(server, received, SL_MSG_MAX + 1), 1, "the connection must stay usable");
	free(big);
	free(received);
}

Test(sock, a_peer_that_is_gone_is_an_error_not_a_signal)
{
	int listener, client, server;

	connect_pair(&listener, &client, &server);
	close(server);
	cr_assert_eq(sl_sock_send(client, "x", 1), -EPIPE);
}

Test(sock, a_peer_that_does_not_read_does_not_block_for_ever)
{
	int listener, client, server, r = 0;
	static char big[SL_MSG_MAX];

	connect_pair(&listener, &client, &server);
	fcntl(client, F_SETFL, O_NONBLOCK);
	for (int i = 0; !r && i < 1000; i++)
		r = sl_sock_send(client, big, sizeof(big));
	cr_assert_eq(r, -EAGAIN);
}

Test(sock, peer_credentials)
{
	int listener, client, server;
	uid_t uid = 12345;
	pid_t pid = 0;

	connect_pair(&listener, &client, &server);
	cr_assert_eq(sl_sock_peer(server, &uid, &pid), 0);
	cr_assert_eq(uid, geteuid());
	cr_assert_eq(pid, getpid());
}
