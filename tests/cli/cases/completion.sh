# Completion of the shells asks the program itself.

case_completion_suggests_commands_and_flags() {
    cp "$runsc" "$work/runsc"
    "$work/runsc" "[suggest:2]" cr | grep -q -x create || fail "no create"
    "$work/runsc" '[suggest:9]' 'create --' | grep -q -x -- --pid-file || fail "no --pid-file: $("$work/runsc" '[suggest:9]' 'create --')"
}
case_completion_of_bash() {
    cp "$runsc" "$work/runsc"
    equal "create" "$(PATH=$work:$PATH bash -c '
        source <(runsc completion bash)
        COMP_LINE="runsc cr" COMP_POINT=8 COMP_WORDS=(runsc cr) COMP_CWORD=1
        _runsc
        printf "%s\n" "${COMPREPLY[@]}"')"
    "$work/runsc" completion zsh | grep -q compdef || fail "zsh"
    "$work/runsc" completion fish | grep -q complete || fail "fish"
}
case_completion_of_no_shell() {
    local got=0
    "$runsc" completion csh 2>"$work/err" || got=$?
    equal "1 runsc: completion: csh: not one of bash, zsh, fish" "$got $(cat "$work/err")"
}
