"""Describe a tree: PATH<TAB>TYPE<TAB>WHAT, sorted by path.

  d  mode owner group
  f  mode owner group size mtime sha256, then sparse where it has holes, and
     =PATH where it is a hard link: the first of those that are one file
  l  owner group -> target
  p, s  mode owner group

and for each its extended attributes as NAME=HEX, ACLs (by name) with them. A
mark of SELinux is left out: it is by each host's own policy. In paths %, control
characters, blanks and bytes that are not ASCII are written as %XX.
"""
import grp, hashlib, os, pwd, re, stat, struct, sys

top = os.fsencode(sys.argv[1])
without = re.compile(os.fsencode(sys.argv[2])) if len(sys.argv) > 2 else None


def show(path):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x25 else f"%{b:02X}" for b in path)


def user(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group(gid):
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def acl(raw):
    """The entries of a posix_acl xattr (linux/posix_acl_xattr.h), users and groups by name."""
    out = []
    for tag, perm, ident in struct.iter_unpack("<HHI", raw[4:]):
        out.append(f"{tag:02x}:{user(ident) if tag == 2 else group(ident) if tag == 8 else ''}:{perm}")
    return ",".join(out)


def attributes(path):
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        raw = os.getxattr(path, name, follow_symlinks=False)
        if name.startswith("system.posix_acl_"):
            yield f"{name}={acl(raw)}"
        elif name != "security.selinux" and not name.startswith("trusted."):
            yield f"{name}={raw.hex()}"


links, rows = {}, []


def describe(path, relative):
    st = os.lstat(path)
    mode, who = f"{stat.S_IMODE(st.st_mode):04o}", f"{user(st.st_uid)} {group(st.st_gid)}"
    kind = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}.get(stat.S_IFMT(st.st_mode), "?")
    what = f"{mode} {who}"
    if kind == "f":
        with open(path, "rb") as content:
            digest = hashlib.sha256(content.read()).hexdigest()
        what += f" {st.st_size} {st.st_mtime_ns // 10**9} {digest}"
        if st.st_blocks * 512 < st.st_size // 2:
            what += " sparse"
        if st.st_nlink > 1:
            what += " =" + show(links.setdefault((st.st_dev, st.st_ino), relative))
    elif kind == "l":
        what = f"{who} -> {show(os.readlink(path))}"
    rows.append("\t".join([show(relative) or ".", kind, " ".join([what, *attributes(path)])]))
    return kind


def walk(path, relative):
    if without and without.fullmatch(relative):
        return
    if describe(path, relative) == "d":
        for name in sorted(os.listdir(path)):
            walk(os.path.join(path, name), os.path.join(relative, name))


walk(top, b"")
sys.stdout.write("".join(row + "\n" for row in rows))
