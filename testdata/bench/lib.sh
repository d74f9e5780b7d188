# shellcheck shell=bash
# Timing and tables. A comparison is a set of functions named run_NAME that are
# run in turn, A B A B ..., after one round that is not counted: so what else
# the machine does meanwhile strikes all of them alike, and the ratio of two is
# the median of the ratios of their pairs.

say() { printf 'bench: %s\n' "$*" >&2; }

# alternate ROUNDS NAME...: time run_NAME, each in turn
alternate() {
  local rounds=$1 i name from to; shift
  for ((i = 0; i <= rounds; i++)); do
    for name in "$@"; do
      # What a run needs that is not to be timed: before_NAME, where there is one.
      if declare -F "before_$name" >/dev/null; then "before_$name" >/dev/null; fi
      from=$EPOCHREALTIME
      "run_$name" >"$work/out" 2>&1 || { tail -n 20 "$work/out" >&2; say "FAILED: $name"; return 1; }
      to=$EPOCHREALTIME
      if ((i == 0)); then : >"$work/t.$name"; else awk "BEGIN {print $to - $from}" >>"$work/t.$name"; fi
    done
    say "$* ($i of $rounds)"
  done
}

middle() { sort -n | awk '{a[NR] = $1} END {print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2}'; }

median() { middle <"$work/t.$1"; } # seconds
# how many times as fast is $1 as $2
faster() { paste "$work/t.$1" "$work/t.$2" | awk '{print $2 / $1}' | middle; }
# ms of $1 beyond $2
beyond() { paste "$work/t.$1" "$work/t.$2" | awk '{print ($1 - $2) * 1000}' | middle; }
# how many times as fast is $1 as $2, when what $3 takes is taken off both
faster_beyond() { paste "$work/t.$1" "$work/t.$2" "$work/t.$3" | awk '{a = $1 - $3; print ($2 - $3) / (a > 0.001 ? a : 0.001)}' | middle; }

verdict() { # verdict MEASURED at-least|at-most GOAL: yes, or no
  if awk -v m="$1" -v how="$2" -v g="$3" 'BEGIN {exit !(how == "at-least" ? m >= g : m <= g)}'; then
    echo yes
  else
    echo '**no**'
  fi
}

# compared WHAT NAME BESIDE NAME2 GOAL [RATIO]: a row of the first table; the
# goal is how many times as fast NAME is to be as NAME2, or - for none
compared() {
  local ratio=${6:-} holds goal=$5
  [[ -n $ratio ]] || ratio=$(faster "$2" "$4")
  if [[ $goal == - ]]; then holds=; goal=; else holds=$(verdict "$ratio" at-least "$goal"); fi
  printf '| %s | %.3f | %s | %.3f | %.2f | %s | %s |\n' "$1" "$(median "$2")" "$3" "$(median "$4")" "$ratio" "$goal" "$holds" >>"$work/compared"
  tail -n 1 "$work/compared" >&2
}

# limited WHAT MEASURED UNIT LIMIT: a row of the second table
limited() {
  printf '| %s | %s %s | %s %s | %s |\n' "$1" "$2" "$3" "$4" "$3" "$(verdict "$2" at-most "$4")" >>"$work/limited"
  tail -n 1 "$work/limited" >&2
}
