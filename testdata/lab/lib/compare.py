"""Compare two files of facts; the rules of what may differ are in lib/differs."""
import argparse, re, sys


def rules(path, role):
    """Lines 'SECTION PATTERN' (a regular expression for the whole key), under [any] or [ROLE]."""
    section, kept = "any", {}
    for line in open(path, encoding="utf-8"):
        line = line.split(" # ")[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif section in ("any", role):
            kind, pattern = line.split(None, 1)
            # a path that may differ may have other labels and ACLs too
            for also in ("path", "xattr", "acl") if kind == "path" else (kind,):
                kept.setdefault(also, []).append(pattern)
    return {kind: re.compile("|".join(f"(?:{p})" for p in patterns)) for kind, patterns in kept.items()}


def facts(path):
    out = {}
    for line in open(path, encoding="utf-8", errors="surrogateescape"):
        kind, key, value = line.rstrip("\n").split("\t", 2)
        out[kind, key, value if kind in ("rpm",) else None] = value
    return out


def main():
    parser = argparse.ArgumentParser(prog="compare")
    parser.add_argument("default_rules", help=argparse.SUPPRESS)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--allow")
    parser.add_argument("--role", default="")
    parser.add_argument("--extra-in-b", action="store_true")
    parser.add_argument("a")
    parser.add_argument("b")
    args = parser.parse_args()
    allowed = {} if args.all else rules(args.allow or args.default_rules, args.role)
    a, b = facts(args.a), facts(args.b)
    found = 0
    for key in sorted(a.keys() | b.keys(), key=lambda k: (k[0], k[1], k[2] or "")):
        if a.get(key) == b.get(key):
            continue
        kind, name, _ = key
        if kind in allowed and allowed[kind].fullmatch(name):
            continue
        if args.extra_in_b and key not in a:
            continue
        found += 1
        for sign, side in (("-", a), ("+", b)):
            if key in side:
                print(f"{sign}{kind}\t{name}\t{side[key]}".encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return 1 if found else 0


sys.exit(main())
