# git beyond the everyday: rebase, cherry-pick, bisect run, worktrees, submodules, hooks, fast-export and import, file:// transport, fsck of all.
set -e
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com GIT_EDITOR=true
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_GLOBAL=/dev/null
cd /tmp && git init -q -b main r && cd r
for i in $(seq 1 16); do echo "$i" >"f$i"; seq 1 "$i" >all; git add .; git commit -q -m "c$i"; done
git checkout -q -b topic HEAD~6; for i in a b c; do echo $i >"$i"; git add .; git commit -q -m "topic $i"; done
git rebase -q main; git log --format=%s -4; git cherry -v main | cut -d' ' -f1,3-
git checkout -q main; git cherry-pick topic~1 >/dev/null; git log --format=%s -1; git revert --no-edit HEAD >/dev/null; git log --format=%s -1
git bisect start HEAD HEAD~15 >/dev/null; git bisect run sh -c 'test $(wc -l <all) -lt 9' 2>&1 | grep 'first bad'; git bisect reset 2>/dev/null
git rebase -q -i --exec 'test -e f1' HEAD~3; git status --short --branch
git worktree add -q ../tree topic && (cd ../tree && ls | wc -l && git status --short) && git worktree list | wc -l && git worktree remove ../tree
printf '#!/bin/sh\necho hook ran; grep -q bad "$1" && exit 1; exit 0\n' >.git/hooks/commit-msg; chmod +x .git/hooks/commit-msg
echo h >h; git add h; git commit -q -m bad || echo "hook refused"; git commit -q -m good; rm .git/hooks/commit-msg
git fast-export --all | (git init -q -b main ../imported && cd ../imported && git fast-import --quiet && git rev-parse main); git rev-parse main
git clone -q --no-local "file:///tmp/r" ../clone; git -C ../clone rev-parse origin/topic; git init -q --bare ../bare; git push -q ../bare main topic
git -C ../bare for-each-ref --format='%(refname) %(objectname:short)'; git -C ../bare repack -adq; git -C ../bare count-objects -v | grep in-pack
git -c protocol.file.allow=always submodule --quiet add /tmp/clone sub; git commit -q -m sub; git submodule status | cut -c1-20
git clone -q --depth 2 file:///tmp/r ../shallow && git -C ../shallow rev-list --count HEAD
head -c 3000000 /dev/zero | tr '\0' x >big; git add big; git commit -q -m big; git gc -q --prune=now; git fsck --full --strict; git verify-pack .git/objects/pack/*.idx && echo pack verified
for i in 1 2 3 4; do git -C /tmp/clone log --stat --format=%H >"/tmp/out$i" & done; wait; md5sum </tmp/out1; cmp /tmp/out1 /tmp/out4
git diff --no-index f1 f2 | tail -n 2; git log --format='%h %s' --follow -- all | wc -l; git ls-files -s | git hash-object --stdin; git rev-parse 'HEAD^{tree}'
