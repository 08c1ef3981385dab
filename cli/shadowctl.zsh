#compdef shadowctl
# SPDX-License-Identifier: GPL-2.0-only
# Completion of shadowctl for zsh: the words of the completion for bash, else files.

local share=${commands[shadowctl]:h}/../share
local -a found
found=(${(f)"$(bash $share/bash-completion/completions/shadowctl \
	"${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"})
if (($#found)); then
	compadd -a found
else
	_files
fi
