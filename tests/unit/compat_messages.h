/* SPDX-License-Identifier: BSD-2-Clause */
/* One good message of each command, with every field it has, for tests and for the fuzzer's beginnings. */
#ifndef SLUICE_TESTS_COMPAT_MESSAGES_H
#define SLUICE_TESTS_COMPAT_MESSAGES_H

#define MAC_1 "\"1a:27:f3:87:3a:27\""

static const char *const compat_messages[] = {
	"{\"ctrl_keep_alive\": {\"seq_num\": 7}}",
	"{\"ctrl_add_srvc_port\": {\"iface\": \"vth\", \"jumboframe\": false}}",
	"{\"ctrl_del_srvc_port\": {\"iface\": \"vth\"}}",
	"{\"ctrl_add_port_pair\": {\"vin_iface\": \"vin\", \"vex_iface\": \"vex\", \"epmac\": " MAC_1
	", \"quar\": true}}",
	"{\"ctrl_del_port_pair\": {\"vin_iface\": \"vin\", \"vex_iface\": \"vex\"}}",
	"{\"ctrl_add_tap_port\": {\"netns\": \"/proc/1/ns/net\", \"iface\": \"eth0\", \"epmac\": " MAC_1 "}}",
	"{\"ctrl_del_tap_port\": {\"netns\": \"/proc/1/ns/net\", \"iface\": \"eth0\"}}",
	"{\"ctrl_add_nfq_port\": {\"netns\": \"/proc/1/ns/net\", \"iface\": \"lo\", \"qnum\": 3, "
	"\"epmac\": " MAC_1 ", \"jumboframe\": true}}",
	"{\"ctrl_del_nfq_port\": {\"netns\": \"/proc/1/ns/net\", \"iface\": \"lo\"}}",
	"{\"ctrl_add_mac\": {\"iface\": \"vth\", \"mac\": " MAC_1
	", \"ucmac\": \"4e:65:75:56:00:b4\", \"bcmac\": \"ff:ff:ff:00:00:b4\", \"oldmac\": \"\", \"pmac\": "
	"\"02:00:00:00:00:09\", \"pips\": [{\"ip\": \"10.1.1.1\"}]}}",
	"{\"ctrl_cfg_mac\": {\"macs\": [" MAC_1
	"], \"tap\": false, \"apps\": [{\"port\": 80, \"ip_proto\": 6, \"app\": 1001, \"server\": 2022}]}}",
	"{\"ctrl_cfg_nbe\": {\"macs\": [" MAC_1 "], \"nbe\": true}}",
	"{\"ctrl_refresh_app\": {}}",
	"{\"ctrl_stats_macs\": {\"macs\": [" MAC_1 "]}}",
	"{\"ctrl_stats_device\": {}}",
	"{\"ctrl_counter_device\": {}}",
	"{\"ctrl_count_session\": {}}",
	"{\"ctrl_list_session\": {}}",
	"{\"ctrl_clear_session\": {\"filter_id\": 0}}",
	"{\"ctrl_list_meter\": {}}",
	"{\"ctrl_set_debug\": {\"categories\": [\"ctrl\", \"policy\"]}}",
	"{\"ctrl_cfg_policy\": {\"cmd\": 1, \"flag\": 3, \"defact\": 7, \"dir\": 2, \"mac\": [" MAC_1
	"], \"rules\": [{\"id\": 10001, \"sip\": \"10.10.10.1\", \"dip\": \"0.0.0.0\", \"sipr\": "
	"\"10.10.10.99\", "
	"\"dipr\": \"255.255.255.255\", \"port\": 8080, \"portr\": 8081, \"proto\": 6, \"action\": 2, "
	"\"ingress\": "
	"true, \"vhost\": false, \"fqdn\": \"\", \"apps\": [{\"rid\": 10002, \"app\": 1001, \"action\": "
	"2}]}]}}",
	"{\"ctrl_cfg_set_fqdn\": {\"fqdn_name\": \"db.example.com\", \"fqdn_ips\": [\"10.1.1.9\"], "
	"\"vhost\": false}}",
	"{\"ctrl_cfg_del_fqdn\": {\"names\": [\"db.example.com\"]}}",
	"{\"ctrl_cfg_internal_net\": {\"flag\": 3, \"subnet_addr\": [{\"ip\": \"10.10.10.0\", \"mask\": "
	"\"255.255.255.0\"}]}}",
	"{\"ctrl_cfg_policy_addr\": {\"flag\": 3, \"subnet_addr\": [{\"ip\": \"10.10.10.66\", \"mask\": "
	"\"255.255.255.255\"}]}}",
	"{\"ctrl_cfg_specip_net\": {\"flag\": 3, \"subnet_addr\": [{\"ip\": \"10.9.9.0\", \"mask\": "
	"\"255.255.255.0\", \"iptype\": \"extip\"}]}}",
	"{\"ctrl_cfg_dlp\": {\"flag\": 3, \"mac\": [" MAC_1
	"], \"ruletype\": \"inside\", \"wafruletype\": \"wafinside\", \"dlp_rule_names\": [{\"id\": 20001, "
	"\"action\": 1}], \"waf_rule_names\": [{\"id\": 40001, \"action\": 2}], \"rule_ids\": [1], "
	"\"waf_rule_ids\": [2]}}",
	"{\"ctrl_cfg_dlpmac\": {\"flag\": 3, \"mac\": [" MAC_1 "]}}",
	"{\"ctrl_bld_dlp\": {\"flag\": 3, \"dir\": 3, \"mac\": [" MAC_1
	"], \"delmac\": [], \"dlp_rules\": [{\"name\": \"card\", \"id\": 20001, \"patterns\": "
	"[\"/[0-9]{16}/is; "
	"context body\"]}]}}",
	"{\"ctrl_bld_dlpmac\": {\"oldmac\": [" MAC_1 "], \"addmac\": [" MAC_1 "], \"delmac\": [" MAC_1 "]}}",
	"{\"ctrl_sys_conf\": {\"xff_enabled\": true}}",
	"{\"ctrl_disable_net_policy\": {\"disable_net_policy\": true}}",
	"{\"ctrl_detect_unmanaged_wl\": {\"detect_unmanaged_wl\": true}}",
	"{\"ctrl_enable_icmp_policy\": {\"enable_icmp_policy\": true}}",
	"{\"ctrl_strict_group_mode\": {\"strict_group_mode\": true}}",
};

#define COMPAT_MESSAGES (sizeof(compat_messages) / sizeof(*compat_messages))

#endif
