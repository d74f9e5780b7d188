"""From Debian's layout to Enterprise Linux's: where a file of a .deb goes."""

import fnmatch
import os

# Directories that are one on EL (merged /usr, and lib64 in place of multiarch;
# the package filesystem carries /usr/lib/x86_64-linux-gnu as a link to lib64,
# since Debian's binaries have that path compiled in).
PREFIXES = (
    ('/bin/', '/usr/bin/'), ('/sbin/', '/usr/sbin/'),
    ('/lib/', '/usr/lib/'), ('/lib64/', '/usr/lib64/'),
    ('/usr/lib/x86_64-linux-gnu/', '/usr/lib64/'),
    ('/etc/systemd/system/', '/usr/lib/systemd/system/'),
    ('/var/run/', '/run/'),
)


def move(path):
    for _ in range(2):                       # /lib/x86_64… needs two steps
        for old, new in PREFIXES:
            if path.startswith(old):
                path = new + path[len(old):]
                break
    return path


class Drops:
    """drop.txt: what of Debian is left out everywhere."""

    def __init__(self, listfile):
        with open(listfile) as f:
            self.globs = [g.strip() for g in f
                          if g.strip() and not g.startswith('#')]

    def __call__(self, path):
        return any(fnmatch.fnmatchcase(path, g) for g in self.globs)


def walk(root):
    """Yields (path below root, os.DirEntry), directories before what they hold."""
    stack = ['']
    while stack:
        here = stack.pop()
        for e in sorted(os.scandir(root + here), key=lambda e: e.name):
            path = here + '/' + e.name
            yield path, e
            if e.is_dir(follow_symlinks=False):
                stack.append(path)
