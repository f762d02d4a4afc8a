# bash completion for sallyport; made by `sallyport completion bash`
_sallyport() {
	local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" word words flags files at
	COMPREPLY=()
	for ((at = 1; at < COMP_CWORD; at++)); do
		word="${COMP_WORDS[at]}"
		case "${path:+$path }$word" in
		""|"run"|"observe"|"connections"|"top"|"names"|"stream"|"policy"|"policy check"|"policy explain"|"policy show"|"policy apply"|"policy reload"|"policy diff"|"replay"|"status"|"attach"|"detach"|"doctor"|"metrics-user"|"completion"|"man") path="${path:+$path }$word" ;;
		esac
	done
	case "$path" in
		"")
			words="run observe connections top names stream policy replay status attach detach doctor metrics-user completion man"
			flags="-V --version -h --help"
			files=0 ;;
		"run")
			case "$previous" in
				--policy) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--cgroup) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--pins) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--runtime-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--state-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--on-exit) mapfile -t COMPREPLY < <(compgen -W "keep open closed" -- "$current"); return ;;
				--warm-up) mapfile -t COMPREPLY < <(compgen -W "none flush resolve" -- "$current"); return ;;
				--log-level) mapfile -t COMPREPLY < <(compgen -W "debug info warn error" -- "$current"); return ;;
				--journal) mapfile -t COMPREPLY < <(compgen -W "none denied all" -- "$current"); return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--group) :; return ;;
				--listen) :; return ;;
				--token-file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--tls-cert) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--tls-key) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--history-days) :; return ;;
				--history-megabytes) :; return ;;
				--metrics-listen) :; return ;;
				--metrics-tls-cert) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--metrics-tls-key) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--metrics-token-file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--metrics-basic-file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--metrics-top-names) :; return ;;
			esac
			words=""
			flags="--policy --cgroup --pins --runtime-dir --state-dir --on-exit --warm-up --log-level --log-connections --journal --json --socket --group --listen --token-file --tls-cert --tls-key --no-history --history-days --history-megabytes --metrics-listen --metrics-tls-cert --metrics-tls-key --metrics-token-file --metrics-basic-file --metrics-insecure --metrics-top-names -h --help"
			files=0 ;;
		"observe")
			case "$previous" in
				--cgroup) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--policy) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--service) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--listen) :; return ;;
				--pins) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--seconds) :; return ;;
			esac
			words=""
			flags="--cgroup --policy --service --socket --listen --pins --seconds --no-dns --json -h --help"
			files=0 ;;
		"connections")
			case "$previous" in
				--since) :; return ;;
				--until) :; return ;;
				--verdict) mapfile -t COMPREPLY < <(compgen -W "allow deny would_deny" -- "$current"); return ;;
				--not-verdict) mapfile -t COMPREPLY < <(compgen -W "allow deny would_deny" -- "$current"); return ;;
				--phase) mapfile -t COMPREPLY < <(compgen -W "dns connect tls http" -- "$current"); return ;;
				--not-phase) mapfile -t COMPREPLY < <(compgen -W "dns connect tls http" -- "$current"); return ;;
				--name) :; return ;;
				--not-name) :; return ;;
				--address) :; return ;;
				--not-address) :; return ;;
				--port) :; return ;;
				--not-port) :; return ;;
				--protocol) :; return ;;
				--not-protocol) :; return ;;
				--process) :; return ;;
				--not-process) :; return ;;
				--exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--not-exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--unit) :; return ;;
				--not-unit) :; return ;;
				--container) :; return ;;
				--not-container) :; return ;;
				--user) :; return ;;
				--not-user) :; return ;;
				--rule) :; return ;;
				--not-rule) :; return ;;
				--group) :; return ;;
				--not-group) :; return ;;
				--kind) mapfile -t COMPREPLY < <(compgen -W "connection dns" -- "$current"); return ;;
				--sort) mapfile -t COMPREPLY < <(compgen -W "-first first -last -bytesOut -bytesIn" -- "$current"); return ;;
				--limit) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--since --until --verdict --not-verdict --phase --not-phase --name --not-name --address --not-address --port --not-port --protocol --not-protocol --process --not-process --exe --not-exe --unit --not-unit --container --not-container --user --not-user --rule --not-rule --group --not-group --kind --open --sort --limit --socket --json -h --help"
			files=0 ;;
		"top")
			case "$previous" in
				--by) :; return ;;
				--since) :; return ;;
				--until) :; return ;;
				--verdict) mapfile -t COMPREPLY < <(compgen -W "allow deny would_deny" -- "$current"); return ;;
				--not-verdict) mapfile -t COMPREPLY < <(compgen -W "allow deny would_deny" -- "$current"); return ;;
				--phase) mapfile -t COMPREPLY < <(compgen -W "dns connect tls http" -- "$current"); return ;;
				--not-phase) mapfile -t COMPREPLY < <(compgen -W "dns connect tls http" -- "$current"); return ;;
				--name) :; return ;;
				--not-name) :; return ;;
				--address) :; return ;;
				--not-address) :; return ;;
				--port) :; return ;;
				--not-port) :; return ;;
				--protocol) :; return ;;
				--not-protocol) :; return ;;
				--process) :; return ;;
				--not-process) :; return ;;
				--exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--not-exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--unit) :; return ;;
				--not-unit) :; return ;;
				--container) :; return ;;
				--not-container) :; return ;;
				--user) :; return ;;
				--not-user) :; return ;;
				--rule) :; return ;;
				--not-rule) :; return ;;
				--group) :; return ;;
				--not-group) :; return ;;
				--kind) mapfile -t COMPREPLY < <(compgen -W "connection dns" -- "$current"); return ;;
				--sort) mapfile -t COMPREPLY < <(compgen -W "count denied wouldDeny bytesOut bytesIn last" -- "$current"); return ;;
				--limit) :; return ;;
				--interval) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--by --since --until --verdict --not-verdict --phase --not-phase --name --not-name --address --not-address --port --not-port --protocol --not-protocol --process --not-process --exe --not-exe --unit --not-unit --container --not-container --user --not-user --rule --not-rule --group --not-group --kind --open --sort --limit --once --interval --socket --json -h --help"
			files=0 ;;
		"names")
			case "$previous" in
				--since) :; return ;;
				--not-name) :; return ;;
				--limit) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--since --not-name --limit --socket --json -h --help"
			files=0 ;;
		"stream")
			case "$previous" in
				--since) :; return ;;
				--until) :; return ;;
				--verdict) mapfile -t COMPREPLY < <(compgen -W "allow deny would_deny" -- "$current"); return ;;
				--not-verdict) mapfile -t COMPREPLY < <(compgen -W "allow deny would_deny" -- "$current"); return ;;
				--phase) mapfile -t COMPREPLY < <(compgen -W "dns connect tls http" -- "$current"); return ;;
				--not-phase) mapfile -t COMPREPLY < <(compgen -W "dns connect tls http" -- "$current"); return ;;
				--name) :; return ;;
				--not-name) :; return ;;
				--address) :; return ;;
				--not-address) :; return ;;
				--port) :; return ;;
				--not-port) :; return ;;
				--protocol) :; return ;;
				--not-protocol) :; return ;;
				--process) :; return ;;
				--not-process) :; return ;;
				--exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--not-exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--unit) :; return ;;
				--not-unit) :; return ;;
				--container) :; return ;;
				--not-container) :; return ;;
				--user) :; return ;;
				--not-user) :; return ;;
				--rule) :; return ;;
				--not-rule) :; return ;;
				--group) :; return ;;
				--not-group) :; return ;;
				--kind) mapfile -t COMPREPLY < <(compgen -W "connection dns" -- "$current"); return ;;
				--seconds) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--since --until --verdict --not-verdict --phase --not-phase --name --not-name --address --not-address --port --not-port --protocol --not-protocol --process --not-process --exe --not-exe --unit --not-unit --container --not-container --user --not-user --rule --not-rule --group --not-group --kind --open --seconds --socket --json -h --help"
			files=0 ;;
		"policy")
			words="check explain show apply reload diff"
			flags="-h --help"
			files=0 ;;
		"policy check")
			words=""
			flags="--json -h --help"
			files=1 ;;
		"policy explain")
			case "$previous" in
				--exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--user) :; return ;;
				--unit) :; return ;;
				--container) :; return ;;
				--cgroup) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--to) :; return ;;
				--name) :; return ;;
				--method) :; return ;;
				--path) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--status) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--exe --user --unit --container --cgroup --to --name --method --path --status --learned --all --socket --json -h --help"
			files=0 ;;
		"policy show")
			case "$previous" in
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--socket --json -h --help"
			files=0 ;;
		"policy apply")
			case "$previous" in
				--if-match) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--if-match --socket --json -h --help"
			files=1 ;;
		"policy reload")
			case "$previous" in
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--socket --json -h --help"
			files=0 ;;
		"policy diff")
			case "$previous" in
				--since) :; return ;;
				--last) :; return ;;
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--since --last --no-records --exit-code --socket --json -h --help"
			files=1 ;;
		"replay")
			case "$previous" in
				--policy) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--resolver) :; return ;;
				--exe) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--user) :; return ;;
				--unit) :; return ;;
				--container) :; return ;;
				--cgroup) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--policy --resolver --exe --user --unit --container --cgroup --json -h --help"
			files=1 ;;
		"status")
			case "$previous" in
				--socket) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--socket --json -h --help"
			files=0 ;;
		"attach")
			case "$previous" in
				--pins) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--runtime-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--policy) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--cgroup) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--otherwise) mapfile -t COMPREPLY < <(compgen -W "open closed" -- "$current"); return ;;
				--state-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--pins --runtime-dir --policy --anew --cgroup --otherwise --state-dir --json -h --help"
			files=0 ;;
		"detach")
			case "$previous" in
				--pins) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--runtime-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--pins --runtime-dir --json -h --help"
			files=0 ;;
		"doctor")
			case "$previous" in
				--policy) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--cgroup) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--pins) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--runtime-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
				--state-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
			esac
			words=""
			flags="--policy --cgroup --pins --runtime-dir --state-dir --json -h --help"
			files=0 ;;
		"metrics-user")
			words=""
			flags="-h --help"
			files=0 ;;
		"completion")
			words="bash zsh"
			flags="-h --help"
			files=0 ;;
		"man")
			words=""
			flags="-h --help"
			files=0 ;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	if ((files)); then
		compopt -o filenames 2>/dev/null
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -F _sallyport sallyport
