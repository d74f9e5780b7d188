"""Describe this host: one fact a line, SECTION<TAB>KEY<TAB>VALUE, sorted.

  rpm      name.arch      version-release
  path     path           type mode owner group, then size and sha256, or -> target
  acl      path           entries of its access and default ACL, by name
  xattr    path           attribute=hex value (labels, capabilities, people's own)
  cap      path           what getcap says, below /usr too
  enabled  unit file      enabled, disabled, masked, ...
  active   unit           services, timers, sockets, mounts that are active
  passwd, group           the entry
  shadow   name           sha256 of the entry
  default  target         the default target
  module   name           enabled dnf module stream

In keys and link targets %, control characters, blanks and bytes that are not
ASCII are written as %XX.
"""
import grp, hashlib, os, pwd, stat, struct, subprocess, sys

facts = []


def fact(section, key, value):
    facts.append(f"{section}\t{key}\t{value}")


def show(path):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x25 else f"%{b:02X}" for b in os.fsencode(path))


def run(*argv):
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return []
    return done.stdout.decode(errors="surrogateescape").splitlines()


def named(lookup, field, number, cache={}):
    if (lookup, number) not in cache:
        try:
            cache[lookup, number] = getattr(lookup(number), field)
        except KeyError:
            cache[lookup, number] = str(number)
    return cache[lookup, number]


def user(uid):
    return named(pwd.getpwuid, "pw_name", uid)


def group(gid):
    return named(grp.getgrgid, "gr_name", gid)


def acl(raw, default):
    """Decode a posix_acl xattr (acl(5); linux/posix_acl_xattr.h), as getfacl shows it."""
    kinds = {0x01: "user", 0x02: "user", 0x04: "group", 0x08: "group", 0x10: "mask", 0x20: "other"}
    for tag, perm, ident in struct.iter_unpack("<HHI", raw[4:]):
        who = user(ident) if tag == 0x02 else group(ident) if tag == 0x08 else ""
        bits = "".join(c if perm & b else "-" for c, b in zip("rwx", (4, 2, 1)))
        yield f"{default}{kinds[tag]}:{who}:{bits}"


def describe(path):
    st = os.lstat(path)
    key, mode = show(path), st.st_mode
    kind = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}.get(stat.S_IFMT(mode), "?")
    value = f"{kind} {stat.S_IMODE(mode):04o} {user(st.st_uid)} {group(st.st_gid)}"
    if kind == "f":
        digest = hashlib.sha256()
        with open(path, "rb") as content:
            for chunk in iter(lambda: content.read(1 << 20), b""):
                digest.update(chunk)
        value += f" {st.st_size} {digest.hexdigest()}"
    elif kind == "l":
        value += f" -> {show(os.readlink(path))}"
    fact("path", key, value)
    entries, attributes = [], []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        raw = os.getxattr(path, name, follow_symlinks=False)
        if name.startswith("system.posix_acl_"):
            entries += acl(raw, "default:" if name.endswith("default") else "")
        elif not name.startswith("trusted."):
            if name == "security.selinux":
                raw = raw.rstrip(b"\0")  # setfiles writes the string's end, the kernel adds it
            attributes.append(f"{show(name)}={raw.hex()}")
    if entries:
        fact("acl", key, ",".join(entries))
    if attributes:
        fact("xattr", key, " ".join(attributes))


def walk(top):
    """Every path below top on top's own file system; what vanishes is passed over."""
    todo, device = [top], os.lstat(top).st_dev
    while todo:
        path = todo.pop()
        try:
            st = os.lstat(path)
            describe(path)
            if stat.S_ISDIR(st.st_mode) and (path == top or not os.path.ismount(path)):
                todo += [os.path.join(path, name) for name in os.listdir(path)]
        except FileNotFoundError:
            continue


for tree in sys.argv[1:]:
    if os.path.isdir(tree):
        walk(tree)
for line in run("rpm", "-qa", "--qf", "%{NAME}.%{ARCH}\t%{VERSION}-%{RELEASE}\n"):
    fact("rpm", *line.split("\t"))
quiet = ("--no-legend", "--no-pager", "--plain", "--full")
for line in run("systemctl", "list-unit-files", *quiet):
    fact("enabled", *line.split()[:2])
for line in run("systemctl", "list-units", "--state=active", "--type=service,timer,socket,mount", *quiet):
    fact("active", line.split()[0], "active")
for line in run("systemctl", "get-default"):
    fact("default", "target", line)


def ident(number):
    """People's ids are pinned; system ones are each host's own."""
    return number if int(number) == 0 or int(number) >= 1000 else "system"


for line in run("getent", "passwd"):
    name, _, uid, gid, *rest = line.split(":")
    fact("passwd", name, ":".join([ident(uid), ident(gid), *rest]))
for line in run("getent", "group"):
    name, _, gid, members = line.split(":")
    fact("group", name, f"{ident(gid)}:{','.join(sorted(members.split(',')))}")
with open("/etc/shadow") as shadow:
    for line in shadow:
        fields = line.rstrip("\n").split(":")
        if fields[1] in ("!", "!!"):  # no password yet, locked: its dates say nothing
            fields[1:7] = ["locked"]
        fact("shadow", fields[0], hashlib.sha256(":".join(fields).encode()).hexdigest())
for line in run("getcap", "-r", "/etc", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/local"):
    path, _, caps = line.partition(" ")
    fact("cap", show(path), caps.lstrip("= ").replace("+", "="))
modules = "/etc/dnf/modules.d"
for name in sorted(os.listdir(modules)) if os.path.isdir(modules) else []:
    with open(os.path.join(modules, name)) as module:
        lines = dict(line.split("=", 1) for line in module.read().splitlines() if "=" in line)
    if lines.get("state", "").strip() == "enabled":
        fact("module", name[: -len(".module")], lines.get("stream", "").strip())

sys.stdout.buffer.write("".join(line + "\n" for line in sorted(set(facts))).encode("utf-8", "surrogateescape"))
