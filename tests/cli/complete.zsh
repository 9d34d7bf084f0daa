# complete.zsh LINE: what zsh makes of LINE where tab is pressed behind it
zmodload zsh/zpty
out=$(mktemp)
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($PWD/editors/completions \$fpath); autoload -Uz compinit; compinit -D -u
    show() { zle expand-or-complete; print -r -- \$BUFFER >$out; BUFFER=; zle accept-line; }
    zle -N show; bindkey '^I' show; PATH=\$PATH:.; print -r ready >$out"
for ((i = 0; i < 200; i++)); do
    [[ ! -s $out ]] || break
    sleep 0.05
done
: >$out
zpty -w -n shell "$1"$'\t'
for ((i = 0; i < 200; i++)); do
    [[ ! -s $out ]] || break
    sleep 0.05
done
cat $out
rm -f $out
zpty -d shell
