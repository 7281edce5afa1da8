/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Applications by number and name. The numbers are those of the existing data
 * plane's protocol where it has one; the others begin at 10000 and are nDPI's
 * protocol id + 10000.
 *
 * Invariant: a number has one name and a name one number; both never change.
 */
#ifndef SLUICE_DPI_APPLICATION_H
#define SLUICE_DPI_APPLICATION_H

#include <stdint.h>

#define SL_APPLICATION_UNKNOWN 0
#define SL_APPLICATION_NDPI 10000

/*
 * X(constant, number, name): the numbers of the existing protocol. Those of
 * programs rather than protocols (nginx, etcd …), and RADIUS, are never
 * recognised from packets, but an agent may configure or ask for them.
 */
#define SL_APPLICATIONS(X)                                                                                   \
	X(HTTP, 1001, "http")                                                                                \
	X(TLS, 1002, "tls")                                                                                  \
	X(SSH, 1003, "ssh")                                                                                  \
	X(DNS, 1004, "dns")                                                                                  \
	X(DHCP, 1005, "dhcp")                                                                                \
	X(NTP, 1006, "ntp")                                                                                  \
	X(TFTP, 1007, "tftp")                                                                                \
	X(ECHO, 1008, "echo")                                                                                \
	X(RTSP, 1009, "rtsp")                                                                                \
	X(SIP, 1010, "sip")                                                                                  \
	X(MYSQL, 2001, "mysql")                                                                              \
	X(REDIS, 2002, "redis")                                                                              \
	X(ZOOKEEPER, 2003, "zookeeper")                                                                      \
	X(CASSANDRA, 2004, "cassandra")                                                                      \
	X(MONGODB, 2005, "mongodb")                                                                          \
	X(POSTGRESQL, 2006, "postgresql")                                                                    \
	X(KAFKA, 2007, "kafka")                                                                              \
	X(COUCHBASE, 2008, "couchbase")                                                                      \
	X(WORDPRESS, 2009, "wordpress")                                                                      \
	X(ACTIVEMQ, 2010, "activemq")                                                                        \
	X(COUCHDB, 2011, "couchdb")                                                                          \
	X(ELASTICSEARCH, 2012, "elasticsearch")                                                              \
	X(MEMCACHED, 2013, "memcached")                                                                      \
	X(RABBITMQ, 2014, "rabbitmq")                                                                        \
	X(RADIUS, 2015, "radius")                                                                            \
	X(VOLTDB, 2016, "voltdb")                                                                            \
	X(CONSUL, 2017, "consul")                                                                            \
	X(SYSLOG, 2018, "syslog")                                                                            \
	X(ETCD, 2019, "etcd")                                                                                \
	X(SPARK, 2020, "spark")                                                                              \
	X(APACHE, 2021, "apache")                                                                            \
	X(NGINX, 2022, "nginx")                                                                              \
	X(JETTY, 2023, "jetty")                                                                              \
	X(NODEJS, 2024, "nodejs")                                                                            \
	X(ERLANG_EPMD, 2025, "erlang-epmd")                                                                  \
	X(ORACLE, 2026, "oracle")                                                                            \
	X(MSSQL, 2027, "mssql")                                                                              \
	X(GRPC, 2028, "grpc")

/*
 * X(constant, nDPI's id, name): what nDPI is asked to look for, and what of
 * its numbers we use ourselves. Protocols that it knows by their ports only
 * (BGP, SNMP, Kerberos …) are not among them.
 */
#define SL_APPLICATIONS_NDPI(X)                                                                              \
	X(FTP, 1, "ftp")                                                                                     \
	X(POP3, 2, "pop3")                                                                                   \
	X(SMTP, 3, "smtp")                                                                                   \
	X(IMAP, 4, "imap")                                                                                   \
	X(NFS, 11, "nfs")                                                                                    \
	X(SMB1, 16, "smb1")                                                                                  \
	X(DTLS, 30, "dtls")                                                                                  \
	X(BITTORRENT, 37, "bittorrent")                                                                      \
	X(SMB, 41, "smb")                                                                                    \
	X(MINING, 42, "mining")                                                                              \
	X(IRC, 65, "irc")                                                                                    \
	X(XMPP, 67, "xmpp")                                                                                  \
	X(NATS, 68, "nats")                                                                                  \
	X(TELNET, 77, "telnet")                                                                              \
	X(STUN, 78, "stun")                                                                                  \
	X(RDP, 88, "rdp")                                                                                    \
	X(VNC, 89, "vnc")                                                                                    \
	X(LDAP, 112, "ldap")                                                                                 \
	X(DCERPC, 127, "dcerpc")                                                                             \
	X(AJP, 139, "ajp")                                                                                   \
	X(OPENVPN, 159, "openvpn")                                                                           \
	X(RSYNC, 166, "rsync")                                                                               \
	X(SOCKS, 172, "socks")                                                                               \
	X(ZMQ, 177, "zmq")                                                                                   \
	X(QUIC, 188, "quic")                                                                                 \
	X(AMQP, 192, "amqp")                                                                                 \
	X(WIREGUARD, 206, "wireguard")                                                                       \
	X(MQTT, 222, "mqtt")                                                                                 \
	X(DRDA, 227, "drda")                                                                                 \
	X(DIAMETER, 237, "diameter")                                                                         \
	X(ZABBIX, 248, "zabbix")

enum sl_application {
#define SL_X(constant, number, name) SL_APPLICATION_##constant = number,
	SL_APPLICATIONS(SL_X)
#undef SL_X
#define SL_X(constant, number, name) SL_APPLICATION_##constant = SL_APPLICATION_NDPI + number,
		SL_APPLICATIONS_NDPI(SL_X)
#undef SL_X
};

/* "http", "tls", "redis" …; "unknown" for 0; never NULL. Static or thread-local memory. */
const char *sl_application_name(uint16_t application);
/* The number of a name, "unknown", or "app-<number>", or -ENOENT. Case does not matter. */
int sl_application_number(const char *name, uint16_t *ret);

#endif
