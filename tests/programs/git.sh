# git: init, commit, branch, merge, log, gc, clone, fsck.
set -e
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_GLOBAL=/dev/null
cd /tmp && git init -q -b main repository && cd repository
for i in $(seq 1 30); do
    mkdir -p "d$((i % 5))"; seq 1 "$((i * 10))" >"d$((i % 5))/f$i"; echo "$i" >>log
    git add -A; git commit -q -m "commit $i"
done
git log --oneline | head -n 3; git rev-list --count HEAD; git rev-parse HEAD
git checkout -q -b side HEAD~5; echo side >side; git add side; git commit -q -m side
git checkout -q main; git merge -q -m merge side; git log --graph --oneline | head -n 4
git checkout -q -b conflict HEAD~1; echo a >log; git commit -q -am a; git checkout -q main; echo b >log; git commit -q -am b
git merge conflict || echo "status $?"; git status --short; git merge --abort
git gc -q && git count-objects -v | grep -E 'in-pack|packs|garbage'; git fsck --full 2>&1 | grep -v dangling || true
git stash list; echo dirty >>log; git diff --stat; git stash -q; git status --short; git stash pop -q; git checkout -q log
cd .. && git clone -q repository clone && cd clone && git log -1 --format=%H && git ls-files | wc -l
git grep -c 100 | head -n 2; git blame -s log | head -n 2; git tag v1 && git describe --tags
git archive HEAD | tar t | sort | md5sum; git bundle create -q ../b HEAD && git bundle list-heads ../b
