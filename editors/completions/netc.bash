# netc.bash -- what netc and its trainers take, for bash; `make install` puts it where bash looks.
# A trainer of another name than `trainer`: complete -o default -F _netc_trainer NAME

_netc() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case $before in
    --target) mapfile -t COMPREPLY < <(compgen -W "native avx512bf16 avx512 avx2 generic neon riscv64 wasm32" -- "$word") ;;
    --precision) mapfile -t COMPREPLY < <(compgen -W "float32 bfloat16" -- "$word") ;;
    --dump) mapfile -t COMPREPLY < <(compgen -W "ast graph onnx grad fused plan" -- "$word") ;;
    --cc) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
    -o | --weights) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    *)
        case $word in
        -*)
            local options="-o --library --mpi --weights --emit-c --summary --graph --check --json --define --target
                --batch --precision --dump= --cc --keep -v --language --version --help"
            [ "${COMP_WORDS[1]}" != fmt ] || options="-o --check --help"
            mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
            ;;
        *)
            mapfile -t COMPREPLY < <(
                compgen -d -S / -- "$word"
                compgen -f -X '!*.net' -- "$word"
                [ "$COMP_CWORD" != 1 ] || compgen -W fmt -- "$word"
            )
            ;;
        esac
        ;;
    esac
}

# Commands and flags as the trainer's own --help has them.
_netc_trainer() {
    local word=${COMP_WORDS[COMP_CWORD]} trainer=${COMP_WORDS[0]} command=train words
    [ "$COMP_CWORD" -le 1 ] || [[ ${COMP_WORDS[1]} == -* ]] || command=${COMP_WORDS[1]}
    if [[ $word == -* ]]; then
        words=$("$trainer" "$command" --help 2>/dev/null | grep -oE '^ +--[a-z0-9-]+')
    elif [ "$COMP_CWORD" = 1 ]; then
        words=$("$trainer" --help 2>/dev/null | sed -nE '3,/^$/s/^  ([a-z_]+) .*/\1/p')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -o filenames -o nospace -F _netc netc
complete -o default -F _netc_trainer trainer
