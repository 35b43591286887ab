# Completion of capf, and of its mirror "utils capf", for bash.
_capf() {
	local word IFS=$'\n'
	COMPREPLY=()
	while read -r word; do
		if [[ $word == :files ]]; then
			compopt -o default 2>/dev/null
		else
			COMPREPLY+=("$word")
		fi
	done < <("${COMP_WORDS[0]}" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o nosort -F _capf capf utils
