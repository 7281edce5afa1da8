# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# bash completion for sluicectl. Installed as …/bash-completion/completions/sluicectl.
#
# Invariant: completing a word changes nothing; what sluiced is asked is the list of workloads.

# The words of the options that go before the verb, to ask the same instance: into the array `asked`.
_sluicectl_instance() {
	local i

	asked=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-i | --instance | --run-dir | --bpffs)
			asked+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]-}")
			;;
		esac
	done
}

# Column $1 of the list of workloads.
_sluicectl_workloads() {
	local asked

	_sluicectl_instance
	command sluicectl "${asked[@]}" workloads 2>/dev/null | awk -v column="$1" 'NR > 1 { print $column }'
}

_sluicectl_targets() {
	local name

	for name in /run/netns/*; do
		[[ -e $name ]] && printf 'netns:%s\n' "${name##*/}"
	done
	_sluicectl_taken
	if [[ $cur == container:* ]]; then
		command podman ps --format 'container:{{.Names}}' 2>/dev/null
		command docker ps --format 'container:{{.Names}}' 2>/dev/null
	else
		printf '%s\n' container: pid:
	fi
}

_sluicectl_taken() {
	local asked

	_sluicectl_instance
	command sluicectl "${asked[@]}" workloads -v 2>/dev/null | awk '$1 == "target" { print $2 }'
}

# Replies with the words that begin with what is there. A ':' ends a word for readline, so what is before it goes.
_sluicectl_reply() {
	local word prefix=${cur%"${cur##*:}"}

	COMPREPLY=()
	while read -r word; do
		[[ -n $word && $word == "$cur"* ]] && COMPREPLY+=("${word#"$prefix"}")
	done < <(printf '%s\n' "$@" | sort -u)
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *: ]] || compopt -o nospace
}

# The same for a comma-separated list.
_sluicectl_reply_list() {
	local word done=""

	[[ $cur == *,* ]] && done=${cur%,*},
	COMPREPLY=()
	for word; do
		[[ $done$word == "$cur"* && ,$done != *",$word,"* ]] && COMPREPLY+=("$done$word")
	done
	compopt -o nospace
}

_sluicectl_lines() {
	local lines

	mapfile -t lines
	_sluicectl_reply "${lines[@]}"
}

_sluicectl() {
	local cur prev verb="" word i words=0
	local verbs=(status intercept release mode workloads counters doctor trace stop repair policy sessions flows monitor help version)
	local common=(--help --json --pretty) modes=(off tap inline quarantine)

	# The word as typed, with its colons, which COMP_WORDS has apart.
	cur=${COMP_LINE:0:COMP_POINT}
	cur=${cur##*[[:space:]]}
	prev=${COMP_LINE:0:COMP_POINT-${#cur}}
	prev=${prev%"${prev##*[![:space:]]}"}
	prev=${prev##*[[:space:]]}
	COMPREPLY=()

	# The verb, and how many words stand behind it. Options' values are not words.
	set -f
	# shellcheck disable=SC2206 # split at blanks, as it was typed
	local typed=(${COMP_LINE:0:COMP_POINT-${#cur}})
	set +f
	for ((i = 1; i < ${#typed[@]}; i++)); do
		word=${typed[i]}
		case $word in
		-i | --instance | --run-dir | --bpffs | --port | --mode | --fail | --id | --name | --program | --workload | -w | --watch | --side | -o | --output | --type | --address | --client-port | --server-port | --protocol | --application | --action | --family | --idle | --session | --limit)
			i=$((i + 1))
			;;
		-*) ;;
		*)
			if [[ -z $verb ]]; then
				verb=$word
			else
				words=$((words + 1))
			fi
			;;
		esac
		[[ $verb && ($word == --id || $word == --all) ]] && words=$((words + 1))
	done

	case $prev in
	-i | --instance)
		_sluicectl_lines < <(compgen -G '/run/sluice/*/' | sed 's|.*/\([^/]*\)/$|\1|')
		return
		;;
	--run-dir | --bpffs)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o nospace -o filenames
		return
		;;
	--mode)
		_sluicectl_reply "${modes[@]}"
		return
		;;
	--fail)
		_sluicectl_reply open closed
		return
		;;
	--id)
		_sluicectl_lines < <(_sluicectl_workloads 1)
		return
		;;
	--port)
		_sluicectl_lines < <(_sluicectl_workloads 3; printf '%s\n' eth0)
		return
		;;
	--side)
		_sluicectl_reply auto host workload
		return
		;;
	--program)
		_sluicectl_reply_list vex vin vbr vth vbk vtk
		return
		;;
	--workload)
		_sluicectl_lines < <(_sluicectl_taken)
		return
		;;
	--type)
		_sluicectl_reply_list flow alert drop stats netflow
		return
		;;
	--protocol)
		_sluicectl_reply tcp udp icmp icmpv6 sctp
		return
		;;
	--action)
		_sluicectl_reply none allow violate deny pending
		return
		;;
	--family)
		_sluicectl_reply 4 6
		return
		;;
	-o | --output)
		compopt -o default
		return
		;;
	--name | -w | --watch | --address | --client-port | --server-port | --application | --idle | --session | --limit) return ;;
	esac

	case $verb in
	"")
		if [[ $cur == -* ]]; then
			_sluicectl_reply --instance --run-dir --bpffs --json --pretty --version --help
		else
			_sluicectl_reply "${verbs[@]}"
		fi
		;;
	intercept)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --port --mode --fail --strict --no-strict --id --name --side --dry-run --all-containers
		elif [[ $words == 0 ]]; then
			_sluicectl_lines < <(_sluicectl_targets)
		fi
		;;
	release)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --port --id --all
		elif [[ $words == 0 ]]; then
			_sluicectl_lines < <(_sluicectl_taken)
		fi
		;;
	mode)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --id --all --fail --strict --no-strict
		elif [[ $words == 0 ]]; then
			_sluicectl_lines < <(_sluicectl_taken)
		elif [[ $words == 1 ]]; then
			_sluicectl_reply "${modes[@]}"
		fi
		;;
	workloads) _sluicectl_reply "${common[@]}" --verbose ;;
	counters) _sluicectl_reply "${common[@]}" --all --program --check --watch ;;
	trace)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --program --workload --id --all
		elif [[ $words == 0 ]]; then
			_sluicectl_reply on off show follow
		fi
		;;
	policy)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --dry-run --workload --addresses --clear --output
		elif [[ $words == 0 ]]; then
			_sluicectl_reply check diff show compile apply learned
		else
			compopt -o default
		fi
		;;
	sessions)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --workload --address --port --client-port --server-port --protocol --application --action --family --ingress --egress --established --idle --session --limit --all
		elif [[ $words == 0 ]]; then
			_sluicectl_reply list count clear kill
		fi
		;;
	flows)
		if [[ $cur == -* ]]; then
			_sluicectl_reply "${common[@]}" --workload --verdict --address --port --protocol --stale --limit --rate
		elif [[ $words == 0 ]]; then
			_sluicectl_reply list count
		fi
		;;
	monitor) _sluicectl_reply "${common[@]}" --type --workload ;;
	stop) _sluicectl_reply "${common[@]}" --release --keep ;;
	repair) _sluicectl_reply "${common[@]}" --dry-run ;;
	help) [[ $words == 0 ]] && _sluicectl_reply "${verbs[@]}" ;;
	status | doctor) _sluicectl_reply "${common[@]}" ;;
	esac
}

complete -F _sluicectl sluicectl
