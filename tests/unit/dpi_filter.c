// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's system call filter, tried from inside: what is needed works in
 * every thread, what is not fails or ends the process.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dpi/filter.h"

/* Runs body() in a child behind the filter; its wait status. */
static int behind_filter(int (*body)(void))
{
	struct sl_err err = { 0 };
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (sl_filter_enter(false, &err) < 0)
			_exit(99);
		_exit(body());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* 0 if it failed with EPERM. */
static int refused(long r)
{
	return r == -1 && errno == EPERM ? 0 : 1;
}

static int try_open(void)
{
	return refused(open("/etc/passwd", O_RDONLY));
}
static int try_create(void)
{
	return refused(open("/tmp/sluice-filter-test", O_WRONLY | O_CREAT, 0600));
}
static int try_socket(void)
{
	return refused(socket(AF_INET, SOCK_STREAM, 0)) + refused(socket(AF_UNIX, SOCK_STREAM, 0)) +
	       refused(socket(AF_NETLINK, SOCK_RAW, 0)) + refused(socket(AF_PACKET, SOCK_RAW, 0));
}
static int try_bpf(void)
{
	union bpf_attr attr = { 0 };

	return refused(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}
static int try_run_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 2;
	return refused(mprotect(p, 4096, PROT_READ | PROT_EXEC)) +
	       refused(mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
												     : 0);
}
static int try_kill(void)
{
	return refused(kill(getppid(), 0));
}
static int try_ids(void)
{
	return refused(setuid(0)) + refused(chroot("/")) + refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int try_ioctl(void)
{
	return refused(syscall(SYS_ioctl, 0, 0x5413, 0)) + refused(syscall(SYS_io_uring_setup, 1, NULL));
}

static void *thread_body(void *context)
{
	*(int *)context = try_open();
	return NULL;
}

static int needed_work(void)
{
	struct pollfd pollfd = { .fd = 0, .events = POLLIN };
	char *memory = malloc(64 << 20);

	if (!memory)
		return 1;
	memset(memory, 1, 64 << 20);
	free(memory);
	if (poll(&pollfd, 0, 1) < 0)
		return 2;
	return getpid() > 0 ? 0 : 3;
}

static int (*const refused_with_eperm_bodies[])(void) = { try_open, try_create,	    try_socket,
							  try_bpf,  try_run_memory, try_kill,
							  try_ids,  try_ioctl,	    needed_work };

/* By number: a test runs in a process of its own, where functions may be elsewhere. */
ParameterizedTestParameters(dpi_filter, refused_with_eperm)
{
	static int numbers[sizeof(refused_with_eperm_bodies) / sizeof(*refused_with_eperm_bodies)];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		numbers[i] = (int)i;

	return cr_make_param_array(int, numbers, sizeof(numbers) / sizeof(*numbers));
}

ParameterizedTest(int *number, dpi_filter, refused_with_eperm)
{
	int status = behind_filter(refused_with_eperm_bodies[*number]);

	cr_assert(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	cr_assert_eq(WEXITSTATUS(status), 0, "exit status %d", WEXITSTATUS(status));
}

static int try_exec(void)
{
	execl("/bin/true", "true", NULL);
	return 0;
}
static int try_ptrace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return 0;
}
static int try_mount(void)
{
	mount("none", "/", "tmpfs", 0, NULL);
	return 0;
}
static int try_namespace(void)
{
	unshare(CLONE_NEWUSER);
	return 0;
}

static int (*const deadly_bodies[])(void) = { try_exec, try_ptrace, try_mount, try_namespace };

/* By number: a test runs in a process of its own, where functions may be elsewhere. */
ParameterizedTestParameters(dpi_filter, deadly)
{
	static int numbers[sizeof(deadly_bodies) / sizeof(*deadly_bodies)];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		numbers[i] = (int)i;

	return cr_make_param_array(int, numbers, sizeof(numbers) / sizeof(*numbers));
}

ParameterizedTest(int *number, dpi_filter, deadly)
{
	int status = behind_filter(deadly_bodies[*number]);

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x", status);
}

static int gate;
static int thread_result = 77;

static void *waiting_thread(void *context)
{
	uint64_t n;

	(void)context;
	if (read(gate, &n, sizeof(n)) != sizeof(n))
		return NULL;
	return thread_body(&thread_result);
}

/* The workers run before the filter comes. */
Test(dpi_filter, threads_that_were_there_have_it_too)
{
	struct sl_err err = { 0 };
	uint64_t one = 1;
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (!pid) {
		pthread_t thread;

		gate = eventfd(0, 0);
		if (pthread_create(&thread, NULL, waiting_thread, NULL))
			_exit(98);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (sl_filter_enter(false, &err) < 0 || write(gate, &one, sizeof(one)) != sizeof(one))
			_exit(99);
		pthread_join(thread, NULL);
		_exit(thread_result);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}
