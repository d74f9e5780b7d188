# shellcheck shell=bash
# docs/performance.md.

report() {
  local packages files cpu
  packages=$(inside primary sh -c 'rpm -qa | wc -l')
  files=$(inside primary sh -c 'find /etc | wc -l')
  cpu=$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | sed -n 1p)
  cat <<END
# Performance

What \`make bench\` printed: hikae beside what one would use instead, on the lab's
hosts, controller and hosts on one machine ($(nproc) cores${cpu:+ of $cpu}, Linux $(uname -r | cut -d- -f1)).
The lab primary has $packages packages and $files paths below /etc; its daemons run.

Each row is one run of commands in turn, A B A B, $runs of each ($few of what takes
long) after one that is not counted. Seconds are medians; *times* is the median
of the pairs' ratios, how many times as fast hikae is, so that a machine that is
slow for a while is slow for both. Every run of hikae dials anew, starts its
agent and ends it; Ansible may keep its connections.

| hikae | s | beside it | s | times | at least | holds |
| --- | ---: | --- | ---: | ---: | ---: | --- |
END
  cat "$work/compared"
  printf '\n| what | measured | at most | holds |\n| --- | ---: | ---: | --- |\n'
  cat "$work/limited"
  cat testdata/bench/rows.md
  printf '\nThe binary is %s bytes; Ansible is %s with mitogen %s.\n' "$(stat -c %s bin/hikae)" \
    "$(ansible --version | sed -n '1s/.*core \([^]]*\)].*/\1/p')" "$(/usr/bin/python3 -c 'import mitogen; print(".".join(map(str, mitogen.__version__)))')"
}
