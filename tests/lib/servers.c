// SPDX-License-Identifier: BSD-2-Clause
/* Servers and clients as Debian has them; see servers.h for the invariant. */
#include "lib/servers.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/world.h"

#define DIR WORLD_TMP "/servers"
#define START_MS 60000
#define AS_POSTGRES                                                                                          \
	"setpriv --reuid postgres --regid postgres --clear-groups $(ls -d /usr/lib/postgresql/*/bin)/"

const struct server servers[] = {
	{
		.name = "http",
		.application = "http",
		.server_name = "web.example.test",
		.protocol = "tcp",
		.port = 8001,
		.start = "nginx -c " DIR "/nginx.conf -e stderr",
		.client = "curl -sS -m $P -H 'Host: web.example.test' http://$U:8001/",
		.answer = "the page",
		.refusal = "reset by peer",
	},
	{
		.name = "https",
		.application = "tls",
		.server_name = "shop.example.test",
		.protocol = "tcp",
		.port = 8002,
		.client = "N=shop.example.test:8002; curl -sS -m $P -k --connect-to $N:$U:8002 https://$N/",
		.answer = "the page",
		.refusal = "reset by peer",
	},
	{
		.name = "http/2",
		.application = "http",
		.server_name = "two.example.test",
		.protocol = "tcp",
		.port = 8003,
		.client = "N=two.example.test:8003; "
			  "curl -sS -m $P --http2-prior-knowledge --connect-to $N:$U:8003 http://$N/",
		.answer = "the page",
		.refusal = "reset by peer",
	},
	{
		.name = "openssl",
		.application = "tls",
		.server_name = "plain.example.test",
		.protocol = "tcp",
		.port = 8004,
		.start = "openssl s_server -accept 8004 -key " DIR "/key.pem -cert " DIR
			 "/cert.pem -www -quiet",
		.client = "printf 'GET / HTTP/1.0\r\n\r\n' | timeout $P openssl s_client -connect $U:8004 "
			  "-servername plain.example.test -quiet -ign_eof",
		.answer = "s_server",
		.refusal = "errno=104",
	},
	{
		.name = "ssh",
		.application = "ssh",
		.server_name = "",
		.protocol = "tcp",
		.port = 8005,
		.start = "/usr/sbin/sshd -D -e -f " DIR "/sshd_config",
		.client = "ssh -F none -i " DIR "/user_key -p 8005 -o StrictHostKeyChecking=no "
			  "-o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=$P root@$A "
			  "'echo the shell'",
		.answer = "the shell",
		.refusal = "reset by peer",
	},
	{
		.name = "dns",
		.application = "dns",
		.server_name = "host.example.test",
		.protocol = "udp",
		.port = 8006,
		.start = "dnsmasq -k -C /dev/null -u root -p 8006 --no-resolv --no-hosts --log-facility=- "
			 "--pid-file= --address=/host.example.test/192.0.2.7 --enable-tftp "
			 "--tftp-single-port --tftp-root=" DIR,
		.client = "dig -p 8006 @$A +tries=1 +time=$P +short host.example.test A",
		.answer = "192.0.2.7",
		.refusal = "host unreachable|permission denied", /* the kernel's word depends on the family */
	},
	{
		.name = "dns over tcp",
		.application = "dns",
		.server_name = "host.example.test",
		.protocol = "tcp",
		.port = 8006,
		.client = "dig -p 8006 @$A +tcp +tries=1 +time=$P +short host.example.test A",
		.answer = "192.0.2.7",
		.refusal = "connection reset",
	},
	{
		.name = "tftp",
		.application = "tftp",
		.server_name = "",
		.protocol = "udp",
		.port = 69,
		.client = "curl -sS -m $P tftp://$U/page.html",
		.answer = "the page",
	},
	{
		.name = "mariadb",
		.application = "mysql",
		.server_name = "",
		.protocol = "tcp",
		.port = 8007,
		.start = "mariadbd --no-defaults --user=root --datadir=" DIR "/mariadb --skip-grant-tables "
			 "--bind-address='*' --port=8007 --socket=" DIR "/mariadb.sock "
			 "--innodb-buffer-pool-size=8M --innodb-log-file-size=4M",
		.client =
			"mariadb --no-defaults --connect-timeout=$P -h $A -P 8007 --protocol=tcp -u root -N "
			"-e \"SELECT CONCAT('the ', 'row')\"",
		.answer = "the row",
		.refusal = "Can't connect|Lost connection",
	},
	{
		.name = "redis",
		.application = "redis",
		.server_name = "",
		.protocol = "tcp",
		.port = 8008,
		.start = DIR "/redis-server --port 8008 --bind '*' '-::*' --save '' --protected-mode no "
			     "--dir " DIR,
		.client = "timeout $P redis-cli -h $A -p 8008 PING",
		.answer = "PONG",
		.refusal = "reset by peer|closed the connection",
	},
	{
		.name = "postgresql",
		.application = "postgresql",
		.server_name = "",
		.protocol = "tcp",
		.port = 8009,
		.start = AS_POSTGRES
		"postgres -D " DIR "/postgresql -p 8009 -c listen_addresses='*' "
		"-c unix_socket_directories= -c fsync=off -c shared_buffers=1MB -c max_connections=10",
		.client =
			"psql -X -At \"host=$A port=8009 user=postgres dbname=postgres connect_timeout=$P\" "
			"-c \"SELECT 'the ' || 'row'\"",
		.answer = "the row",
		.refusal = "closed the connection|reset by peer",
	},
	{
		.name = "echo",
		.application = "echo",
		.server_name = "",
		.protocol = "tcp",
		.port = 8011,
		.start = "socat -t 60 TCP6-LISTEN:8011,fork,reuseaddr,ipv6only=0 EXEC:cat",
		.client = "echo the same again | socat -t $P - TCP:$U:8011",
		.answer = "the same again",
	},
	{
		.name = "grpc",
		.application = "grpc",
		.server_name = "rpc.example.test",
		.protocol = "tcp",
		.port = 8012,
		.start = "/usr/bin/python3 " DIR "/grpc-server.py",
		.client = "/usr/bin/python3 " DIR "/grpc-client.py $U:8012 $P",
		.answer = "the reply",
		.refusal = "reset by peer|Socket closed",
	},
	{
		.name = "zookeeper",
		.application = "zookeeper",
		.server_name = "",
		.protocol = "tcp",
		.port = 8013,
		.start = "java -Xmx64m -XX:+UseSerialGC -Dzookeeper.admin.enableServer=false -cp "
			 "/usr/share/java/zookeeper.jar org.apache.zookeeper.server.ZooKeeperServerMain "
			 "8013 " DIR "/zookeeper",
		.ready = "timeout 5 /usr/lib/zookeeper/bin/cli_mt 127.0.0.1:8013 'cmd:ls /' 2>&1 | grep -q "
			 "'rc = 0'",
		/* By itself it tries again for ever. */
		.client = "timeout $P /usr/lib/zookeeper/bin/cli_mt $A:8013 'cmd:ls /' 2>&1 | "
			  "sed -n -e '/rc = 0/{p;q}' -e '/errno=104/{p;q}'",
		.answer = "rc = 0",
		.refusal = "reset by peer",
	},
	{
		.name = "ntp",
		.needs = "chronyd", /* Debian has one keeper of the time, and it may be another */
		.application = "ntp",
		.server_name = "",
		.protocol = "udp",
		.port = 8010,
		.start = "chronyd -d -x -u root -f " DIR "/chrony.conf",
		.client = "chronyd -Q -t $P -u root \"server $A port 8010 iburst maxsamples 1\" "
			  "\"pidfile " DIR "/chrony-$$.pid\" 'cmdport 0' 'bindcmdaddress /'",
		.answer = "System clock wrong by",
	},
};
#define N_SERVERS (sizeof(servers) / sizeof(*servers))
unsigned int n_servers = N_SERVERS;

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), DIR "/%s", name);
	file = fopen(path, "w");
	cr_assert(file && fputs(text, file) >= 0 && !fclose(file), "%s", path);
}

static void prepare(void)
{
	ns_run(NULL, "mkdir -p " DIR "/mariadb /run/sshd && cd " DIR " && echo 'the page' >page.html && "
		     "echo 'the page' >index.html && ln -s $(command -v redis-check-rdb) redis-server && "
		     "install -d -o postgres -g postgres postgresql && chmod 755 " WORLD_TMP " " DIR);
	write_file("nginx.conf",
		   "daemon off; master_process off; pid " DIR "/nginx.pid; events {}\n"
		   "http { access_log off; root " DIR ";\n"
		   "  client_body_temp_path " DIR "; proxy_temp_path " DIR "; fastcgi_temp_path " DIR ";\n"
		   "  uwsgi_temp_path " DIR "; scgi_temp_path " DIR ";\n"
		   "  ssl_certificate " DIR "/cert.pem; ssl_certificate_key " DIR "/key.pem;\n"
		   "  server { listen [::]:8001 ipv6only=off; listen [::]:8002 ssl http2 ipv6only=off;\n"
		   "    listen [::]:8003 http2 ipv6only=off; }\n"
		   "}\n");
	write_file("sshd_config",
		   "Port 8005\nHostKey " DIR "/host_key\nAuthorizedKeysFile " DIR "/user_key.pub\n"
		   "StrictModes no\nPermitRootLogin yes\nPidFile none\n");
	write_file("chrony.conf",
		   "local stratum 8\nallow\nport 8010\ncmdport 0\nbindcmdaddress /\npidfile " DIR
		   "/chrony.pid\n");
	write_file(
		"grpc-server.py",
		"import grpc, concurrent.futures as futures\n"
		"class Any(grpc.GenericRpcHandler):\n"
		"    def service(self, details):\n"
		"        return grpc.unary_unary_rpc_method_handler(lambda request, context: b'the reply')\n"
		"server = grpc.server(futures.ThreadPoolExecutor(2))\n"
		"server.add_generic_rpc_handlers((Any(),))\n"
		"server.add_insecure_port('[::]:8012')\n"
		"server.start()\n"
		"server.wait_for_termination()\n");
	write_file(
		"grpc-client.py",
		"import grpc, sys\n"
		"channel = grpc.insecure_channel(sys.argv[1], [('grpc.default_authority', "
		"'rpc.example.test')])\n"
		"print(channel.unary_unary('/test.Any/Say')(b'hello', timeout=int(sys.argv[2])).decode())\n");
	for (unsigned int i = 0; i < n_servers; i++) {
		char name[16];

		snprintf(name, sizeof(name), "ask-%u", i);
		write_file(name, servers[i].client);
	}
	/* What takes a while goes on side by side. */
	ns_run(NULL, "cd " DIR " && set -e; "
		     "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
		     "key.pem -out cert.pem "
		     "-subj /CN=plain.example.test -days 2 2>/dev/null & a=$!; "
		     "ssh-keygen -q -t ed25519 -N '' -f host_key & b=$!; ssh-keygen -q -t ed25519 -N '' -f "
		     "user_key & c=$!; "
		     "cd postgresql; " AS_POSTGRES "initdb -D . -A trust -N --locale=C >/dev/null; "
		     "echo 'host all all all trust' >>pg_hba.conf; wait $a; wait $b; wait $c");
}

/* Asked from inside, so that it does not go by the port that a test has taken. */
static bool serves(struct ns *ns, const struct server *server)
{
	ns_sh(ns, "ss -Hln%c 'sport = :%d' | wc -l", server->protocol[0], server->port);
	if (ns_said()[0] == '0')
		return false;
	return !server->ready || !ns_sh(ns, "%s", server->ready);
}

void servers_start(struct ns *ns)
{
	struct proc *proc[N_SERVERS] = { NULL }, *serving = NULL;

	for (const struct server *last = &servers[n_servers - 1];
	     last->needs && ns_sh(NULL, "command -v %s", last->needs); last = &servers[n_servers - 1]) {
		tell("%s is left out: there is no %s here", last->name, last->needs);
		n_servers--;
	}
	prepare();
	for (unsigned int i = 0; i < n_servers; i++) {
		serving = servers[i].start ? ns_spawn(ns, "%s", servers[i].start) : serving;
		cr_assert(serving != NULL);
		proc[i] = serving;
	}
	for (unsigned int i = 0; i < n_servers; i++)
		cr_assert(proc[i] &&
				  wait_until(START_MS, serves(ns, &servers[i]) || proc_ended(proc[i], 0)) &&
				  proc[i]->pid,
			  "%s does not serve: %s", servers[i].name, proc_text(proc[i]));
}

struct proc *servers_ask(const struct server *server, struct ns *from, const char *address, int patience_s)
{
	bool v6 = strchr(address, ':');

	return ns_spawn(from, "env A=%s U=%s%s%s P=%d sh " DIR "/ask-%u", address, v6 ? "[" : "", address,
			v6 ? "]" : "", patience_s, (unsigned int)(server - servers));
}

bool servers_answered(const struct server *server, struct proc *client)
{
	proc_ended(client, START_MS);
	return !client->pid && !client->status && strstr(proc_text(client), server->answer);
}

bool servers_refused(const struct server *server, struct proc *client)
{
	const char *words = server->refusal, *said;
	char word[64];

	if (servers_answered(server, client) || client->pid)
		return false;
	said = proc_text(client);
	while (words && *words) {
		size_t len = strcspn(words, "|");

		snprintf(word, sizeof(word), "%.*s", (int)len, words);
		if (strstr(said, word))
			return true;
		words += len + (words[len] == '|');
	}
	return !words;
}
