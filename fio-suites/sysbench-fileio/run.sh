# Lays the files out, then measures. usage: run.sh FOLDER
set -e
cd "$1"
test="sysbench fileio --file-total-size=64M --file-num=4 --file-test-mode=rndrw --time=2"
$test prepare >&2
exec $test run
