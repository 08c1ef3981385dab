# SPDX-License-Identifier: GPL-2.0-only
# Completion of shadowctl for fish: the words of the completion for bash, else files.

function __shadowctl_words
    set -l words (commandline -opc) (commandline -ct)
    set -l share (dirname (command -s shadowctl))/../share
    set -l found (bash $share/bash-completion/completions/shadowctl $words 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end

complete -c shadowctl -f -a '(__shadowctl_words)'
