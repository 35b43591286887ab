# Completion of capf, and of its mirror "utils capf", for fish.
function __capf_complete
	set -l words (commandline -opc)
	set -l found ($words[1] __complete fish $words[2..-1] (commandline -ct) 2>/dev/null)
	for line in $found
		if test "$line" = :files
			__fish_complete_path (commandline -ct)
		else
			printf '%s\n' $line
		end
	end
end
complete -c capf -f -k -a '(__capf_complete)'
complete -c utils -f -k -a '(__capf_complete)'
