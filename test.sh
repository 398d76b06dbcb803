#!/usr/bin/env bash
# All tests, from a fresh Debian 12 machine. A filter names what to run: any suite whose name contains it
# ("Tidy", "guest/signal", "programs/git"). The last line is the sum over all suites. The suites named in by_name take long and
# run only when the filter names them: ./test.sh cpython, stress, lab, bench.
. "$(dirname "${BASH_SOURCE[0]}")/scripts/lib.sh"

usage() {
    printf 'usage: ./test.sh [FILTER]\nsuites: %s\n' "$(suites | xargs)"
}

filter=${1-}
passed=0
failed=0
results=$cache/results
runners=(guest locks cli oci docker containerd survival programs perf)
by_name=(cpython stress lab Bench)

# The same random system calls in every run; another seed finds other things.
export FUZZ_SEED=${FUZZ_SEED:-1}

wanted() { [ -z "$filter" ] || [[ ${1,,} == *"${filter,,}"* ]] || [[ ${filter,,} == "${1,,}"/* ]]; }

suites() {
    local project
    for project in "$top"/tests/*/*.csproj; do
        [ -e "$(dirname "$project")/run" ] || basename "$(dirname "$project")"
    done
    printf '%s\n' "${runners[@]}" "${by_name[@]}"
}

# Before anything is built: that the filter names something.
check_filter() {
    local suite
    for suite in $(suites); do
        if wanted "$suite"; then return; fi
    done
    usage >&2
    exit 2
}

count() { # passed failed
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# One xunit project; its counts come from the result file that the test host writes.
run_project() {
    local project=$1 name log counters
    name=$(basename "$(dirname "$project")")
    step "$name"
    log=$results/$name.trx
    rm -f "$log"
    (cd "$top" && dotnet test "$project" --no-build -c Release --nologo -v quiet -nodeReuse:false \
        --results-directory "$results" --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal") \
        | grep -v -E '^(Passed|Failed)! ' | tee "$results/$name.out" || true
    counters=$(grep -o '<Counters [^>]*>' "$log" 2>/dev/null || true)
    if [ -z "$counters" ]; then
        echo "FAIL $name: the test host wrote no result" | tee -a "$results/$name.out"
        count 0 1
        return
    fi
    local total ok
    total=$(sed -n 's/.* total="\([0-9]*\)".*/\1/p' <<<"$counters")
    ok=$(sed -n 's/.* passed="\([0-9]*\)".*/\1/p' <<<"$counters")
    echo "$name: $ok of $total passed"
    count "$ok" $((total - ok))
}

# A runner under tests/ that writes "passed failed" to the file given by -t.
run_script() { # name runner pattern
    local name=$1 tally=$results/$1.tally
    local runner=$2 pattern=$3
    rm -f "$tally"
    "$runner" -t "$tally" "$pattern" 2>&1 | tee "$results/$name.out" || true
    if [ ! -s "$tally" ]; then
        echo "FAIL $name: the runner gave no result" | tee -a "$results/$name.out"
        count 0 1
        return
    fi
    # shellcheck disable=SC2046
    count $(cat "$tally")
}

case $filter in
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
check_filter
check_checkout
install_packages
publish_runsc
publish_shim
publish_perf
rm -rf "$results"
mkdir -p "$results"
step "building all projects"
(cd "$top" && quietly build dotnet build Perf.sln "${build_flags[@]}")
shopt -s nullglob
for project in "$top"/tests/*/*.csproj; do
    # One with a runner of its own is no project of unit tests.
    [ ! -e "$(dirname "$project")/run" ] || continue
    if wanted "$(basename "$(dirname "$project")")"; then
        run_project "$project"
    fi
done
[ -z "$filter" ] || runners+=("${by_name[@]}")
for runner in "${runners[@]}"; do
    if wanted "$runner"; then
        [[ $runner == @(guest|locks|docker|containerd) ]] || make_rootfs
        step "$runner"
        run_script "$runner" "$top/tests/$runner/run" "${filter#"$runner"}"
    fi
done

# What failed, once more and together: in a log of thousands of lines it is otherwise hard to find.
if [ "$failed" -ne 0 ]; then
    step "failed"
    grep -a -E '(^|[ /:])FAIL|^ *Failed |: differs|differs from native|fails natively|although listed' "$results"/*.out \
        | sed "s|^$results/||" | cut -c 1-400 | head -n 60 || true
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
