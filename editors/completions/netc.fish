# netc.fish -- what netc and its trainers take, for fish; `make install` puts it where fish looks.
# A trainer of another name than `trainer`: complete -c NAME -w trainer

complete -c netc -f -a '(__fish_complete_suffix .net)'
complete -c netc -n __fish_is_first_token -a fmt -d 'lay models out'
complete -c netc -s o -r -F -d 'the output'
complete -c netc -l check -d 'diagnose only'
complete -c netc -l help -d 'the options'
set -l compiles 'not __fish_seen_subcommand_from fmt'
complete -c netc -n $compiles -l library -d 'a C library of the prediction'
complete -c netc -n $compiles -l mpi -d 'a trainer for mpirun'
complete -c netc -n $compiles -l weights -r -F -d 'of a library: inside'
complete -c netc -n $compiles -l emit-c -d 'stop at the generated C'
complete -c netc -n $compiles -l summary -d 'layers, shapes, parameters, FLOPs, memory'
complete -c netc -n $compiles -l graph -d 'the graph after fusion, for Graphviz'
complete -c netc -n $compiles -l json -d 'with --check: for editors'
complete -c netc -n $compiles -l define -x -d 'override a let'
complete -c netc -n $compiles -l target -x -a 'native avx512bf16 avx512 avx2 generic neon riscv64 wasm32' -d 'instruction set'
complete -c netc -n $compiles -l batch -x -d 'rows of the largest batch'
complete -c netc -n $compiles -l precision -x -a 'float32 bfloat16' -d 'of operands of contractions'
complete -c netc -n $compiles -l dump -x -a 'ast graph onnx grad fused plan' -d 'print a stage'
complete -c netc -n $compiles -l cc -x -a '(__fish_complete_command)' -d 'the clang to use'
complete -c netc -n $compiles -l keep -d 'keep the generated C'
complete -c netc -n $compiles -s v -d 'print the commands'
complete -c netc -n $compiles -l language -d 'every name of the language'
complete -c netc -n $compiles -l version -d 'the version'

# Commands and flags as the trainer's own --help has them.
function __netc_trainer
    set -l words (commandline -opc)
    set -l command train
    if set -q words[2]; and not string match -q -- '-*' $words[2]
        set command $words[2]
    else
        $words[1] --help 2>/dev/null | sed -nE '3,/^$/s/^  ([a-z_]+) .*/\1/p'
    end
    $words[1] $command --help 2>/dev/null | sed -nE 's/^ +(--[a-z0-9-]+) .*/\1/p'
end
complete -c trainer -a '(__netc_trainer)'
