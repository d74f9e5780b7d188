#!/usr/bin/python3
"""Makes signed rpms: wrap.py [NAME[@VARIANT]...]; with no name, every row.

A package's tree is put together from the unpacked Debian packages that names.tsv gives
it (moved to EL's layout), then rpm/NAME/root is laid over, rpm/NAME/recipe is
carried out, and rpm/NAME/make, if there is one, is run on it. rpmbuild then only
packs what lies there: no rpm macro, no generator, no compression worth the name.
"""

import fnmatch
import hashlib
import multiprocessing
import os
import re
import shutil
import stat
import subprocess
import sys

import names
import recipe as recipes
import relayout

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = os.environ['HIKAE_LAB']
CACHE = LAB + '/cache'
DATE = 1716163200          # 2024-05-20: mtime of our own files, and build date

# Python's own byte code is packed, as EL does: otherwise the first run of dnf
# as root would litter /usr with files that no package owns.
PYTHON_DIRS = ('/usr/lib/python3', '/usr/share/', '/usr/lib64/python3')


class Tree:
    """The files of one rpm: a directory, and what rpm shall say of each path."""

    def __init__(self, root):
        self.root = root
        self.owner, self.mode, self.cap = {}, {}, {}
        self.config, self.noconfig, self.noverify = [], [], []
        self.ghosts, self.dirs = set(), set()

    def at(self, path):
        return self.root + path

    def find(self, glob):
        hits = [p for p, _ in relayout.walk(self.root) if fnmatch.fnmatchcase(p, glob)]
        return hits

    def need(self, glob):
        hits = self.find(glob)
        if not hits:
            raise SystemExit(f'{self.root}: nothing matches {glob}')
        return hits

    def parents(self, path):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)

    def write(self, path, data):
        """Replaces a file's bytes without touching what it is linked with."""
        st = os.lstat(self.at(path))
        os.unlink(self.at(path))
        with open(self.at(path), 'wb') as f:
            f.write(data)
        os.chmod(self.at(path), stat.S_IMODE(st.st_mode))
        os.utime(self.at(path), (DATE, DATE))

    def take(self, source, accept):
        """Hard links into the tree what accept() lets through."""
        for old, e in relayout.walk(source):
            path = relayout.move(old)
            if e.is_dir(follow_symlinks=False):
                # A directory comes along only where it holds nothing or is
                # taken as a whole; the others appear with their files.
                if accept(path) and path not in STANDARD:
                    os.makedirs(self.at(path), exist_ok=True)
                    mode = stat.S_IMODE(e.stat(follow_symlinks=False).st_mode)
                    os.chmod(self.at(path), mode)
                continue
            if not accept(path):
                continue
            self.parents(path)
            if os.path.lexists(self.at(path)):
                continue
            if e.is_symlink():
                target = os.readlink(source + old)
                if target.startswith('/'):
                    target = relayout.move(target)
                else:      # a relative link may have been moved: made absolute
                    there = relayout.move(os.path.normpath(
                        os.path.join(os.path.dirname(old), target)))
                    if relayout.move(os.path.dirname(old) + '/') != os.path.dirname(old) + '/' \
                            or there != os.path.normpath(os.path.join(os.path.dirname(old), target)):
                        target = os.path.relpath(there, os.path.dirname(path))
                if os.path.normpath(os.path.join(os.path.dirname(path), target)) == path:
                    continue
                if target.startswith('/') and not target.startswith(('/dev/', '/proc/', '/run/')):
                    target = os.path.relpath(target, os.path.dirname(path))
                os.symlink(target, self.at(path))
            else:
                os.link(source + old, self.at(path), follow_symlinks=False)

    # The recipe's statements -------------------------------------------------
    def do_drop(self, *globs):
        for g in globs:
            for p in self.find(g):
                if os.path.isdir(self.at(p)) and not os.path.islink(self.at(p)):
                    shutil.rmtree(self.at(p))
                elif os.path.lexists(self.at(p)):
                    os.unlink(self.at(p))

    def do_keep(self, *globs):
        pass                                    # asked of drop.txt beforehand

    def do_move(self, old, new):
        if not os.path.lexists(self.at(old)):
            raise SystemExit(f'{self.root}: no {old} to move')
        self.parents(new)
        if os.path.isdir(self.at(new)) and os.path.isdir(self.at(old)):
            for name in os.listdir(self.at(old)):
                self.do_move(old + '/' + name, new + '/' + name)
            os.rmdir(self.at(old))
        else:
            os.rename(self.at(old), self.at(new))

    def do_link(self, path, target):
        self.parents(path)
        if os.path.lexists(self.at(path)):
            os.unlink(self.at(path))
        os.symlink(target, self.at(path))

    def do_copy(self, path, to):
        self.parents(to)
        shutil.copy2(self.at(path), self.at(to))

    def do_dir(self, mode, owner, group, *paths):
        for p in paths:
            os.makedirs(self.at(p), exist_ok=True)
            self.dirs.add(p)
            self.mode[p], self.owner[p] = mode, (owner, group)

    def do_attr(self, mode, owner, group, *globs):
        for g in globs:
            for p in self.need(g):
                if mode != '-':
                    self.mode[p] = mode
                self.owner[p] = (owner, group)

    def do_caps(self, caps, *globs):
        for g in globs:
            for p in self.need(g):
                self.cap[p] = caps

    def do_text(self, glob, regex, replacement):
        hits = 0
        for p in self.need(glob):
            if not os.path.isfile(self.at(p)) or os.path.islink(self.at(p)):
                continue
            with open(self.at(p), encoding='utf-8', errors='surrogateescape') as f:
                old = f.read()
            new, n = re.subn(regex, replacement.replace('\\n', '\n'), old, flags=re.M)
            hits += n
            if n:
                self.write(p, new.encode('utf-8', 'surrogateescape'))
        if not hits:
            raise SystemExit(f'{self.root}: {glob} has no {regex}')

    def do_bytes(self, glob, old, new):
        stretched = new.replace('//', '/' * (len(old) - len(new) + 2))
        if len(stretched) != len(old):
            raise SystemExit(f'{self.root}: {old} and {new} do not fit')
        hits = 0
        for p in self.need(glob):
            if os.path.islink(self.at(p)) or not os.path.isfile(self.at(p)):
                continue
            with open(self.at(p), 'rb') as f:
                data = f.read()
            if old.encode() in data:
                hits += 1
                self.write(p, data.replace(old.encode(), stretched.encode()))
        if not hits:
            raise SystemExit(f'{self.root}: {glob} has no {old}')

    def do_config(self, *globs):
        self.config += globs

    def do_noconfig(self, *globs):
        self.noconfig += globs

    def do_noverify(self, *globs):
        self.noverify += globs

    def do_ghost(self, mode, owner, group, path):
        self.parents(path)
        if not os.path.lexists(self.at(path)):
            if path.endswith('/'):
                os.makedirs(self.at(path), exist_ok=True)
            else:
                open(self.at(path), 'w').close()
        path = path.rstrip('/')
        self.ghosts.add(path)
        self.mode[path], self.owner[path] = mode, (owner, group)

    # What rpm is told --------------------------------------------------------
    def files(self):
        for path, e in relayout.walk(self.root):
            st = e.stat(follow_symlinks=False)
            owner, group = self.owner.get(path, ('root', 'root'))
            mode = self.mode.get(path)
            if mode is None:
                bits = stat.S_IMODE(st.st_mode)
                if not e.is_dir(follow_symlinks=False) and path not in self.owner \
                        and st.st_gid != 0:
                    bits &= ~stat.S_ISGID       # set-gid to a group EL has not
                mode = '%04o' % bits
            words = []
            if e.is_symlink():
                if path in self.ghosts:
                    words.append('%ghost')
            elif e.is_dir(follow_symlinks=False):
                if path in DECLARED and path not in self.dirs:
                    continue
                words.append('%dir')
                words.append(f'%attr({mode},{owner},{group})')
                if path in self.ghosts:
                    words.insert(0, '%ghost')
            else:
                words.append(f'%attr({mode},{owner},{group})')
                config = path.startswith('/etc/') and not any(
                    fnmatch.fnmatchcase(path, g) for g in self.noconfig)
                if config or any(fnmatch.fnmatchcase(path, g) for g in self.config):
                    words.append('%config(noreplace)')
                if any(fnmatch.fnmatchcase(path, g) for g in self.noverify):
                    words.append('%verify(not md5 size mtime)')
                if path in self.ghosts:
                    words.append('%ghost')
                if path in self.cap:
                    words.append(f'%caps({self.cap[path]})')
                if path.startswith('/usr/share/licenses/'):
                    words.append('%license')
            # Quoted names are not globs; rpm's macros would still see a "%".
            words.append('"%s"' % path.replace('%', '%%'))
            yield ' '.join(words)


def read_declared():
    """The directories that a recipe names: another package that only has files
    in one does not own it, or two would disagree on its mode. Those of the
    package filesystem belong to it alone. Returns both sets."""
    declared, standard = set(), set()
    for name in sorted(os.listdir(HERE + '/rpm')):
        for verb, args in recipes.read(f'{HERE}/rpm/{name}/recipe').steps:
            found = args[3:] if verb == 'dir' else args[:1] if verb == 'link' and name == 'filesystem' else []
            declared.update(found)
            if name == 'filesystem':
                standard.update(found)
    return declared, standard


DECLARED, STANDARD = read_declared()


def scriptlets(r, tree):
    """The scriptlets' text: users, then the recipe's lines, then units. On EL
    file triggers of systemd do what is done for tmpfiles and units here."""
    s = {k: list(v) for k, v in r.script.items()}
    pre = []
    for name, gid in r.groups:
        wanted = '' if gid == '-' else f'-g {gid} '
        pre.append(f'getent group {name} >/dev/null || groupadd {wanted}-r {name}')
    for name, uid, group, home, shell, comment in r.users:
        wanted = '' if uid == '-' else f'-u {uid} '
        pre.append(f'getent passwd {name} >/dev/null || useradd -r {wanted}-g {group} '
                   f'-d {home} -s {shell} -M -c "{comment}" {name} 2>/dev/null')
    if pre:
        pre.append(':')
    s['pre'] = pre + s['pre']
    units = ' '.join(r.lists['unit'])
    if units:
        s['post'] += ['if [ $1 -eq 1 ]; then',
                      f'  systemctl --no-reload preset {units} >/dev/null 2>&1 || :', 'fi']
        s['preun'] += ['if [ $1 -eq 0 ]; then',
                       f'  systemctl --no-reload disable --now {units} >/dev/null 2>&1 || :', 'fi']
        s['postun'] += ['if [ -d /run/systemd/system ]; then',
                        '  systemctl daemon-reload >/dev/null 2>&1 || :',
                        '  if [ $1 -ge 1 ]; then',
                        f'    systemctl try-restart {units} >/dev/null 2>&1 || :', '  fi', 'fi']
    running = []
    if tree.find('/usr/lib/systemd/system/*.*'):
        running.append('systemctl daemon-reload')
    temporary = [os.path.basename(p) for p in tree.find('/usr/lib/tmpfiles.d/*.conf')]
    if temporary:
        running.append('systemd-tmpfiles --create ' + ' '.join(temporary))
    if running:
        s['posttrans'] += ['if [ -d /run/systemd/system ]; then',
                           *(f'  {command} >/dev/null 2>&1 || :' for command in running), 'fi']
    return {k: v for k, v in s.items() if v}


def requires(row, r, debs, owner, tree):
    need = set()
    for deb, _, copy in row.takes:
        for dep in debs.depends(deb):
            name = owner.get(dep)
            if name and name != row.name and name not in r.lists['unrequire']:
                need.add(name)
    return sorted(need | set(r.lists['require']))


def assemble(row, rows, debs, drops, r):
    """Puts the tree together and returns it."""
    root = f'{CACHE}/root/{row.key}'
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    tree = Tree(root)
    keeps = [g for verb, args in r.steps if verb == 'keep' for g in args]
    kept = lambda p: not drops(p) or any(fnmatch.fnmatchcase(p, g) for g in keeps)
    for deb, globs, copy in row.takes:
        claimed = []
        if globs is None and not copy:
            claimed = [g for other in rows for d, gs, _ in other.takes
                       if d == deb and gs for g in gs]
        if globs is None:
            accept = lambda p: kept(p) and not any(fnmatch.fnmatchcase(p, g) for g in claimed)
        else:
            accept = lambda p: kept(p) and any(fnmatch.fnmatchcase(p, g) for g in globs)
        tree.take(f'{debs.root}/{deb}', accept)
        licence = f'{debs.root}/{deb}/usr/share/doc/{deb}/copyright'
        if os.path.isfile(licence) and not os.path.islink(licence):
            path = f'/usr/share/licenses/{row.name}/{deb}'
            tree.parents(path)
            os.link(licence, tree.at(path))
    # Directories that Debian left empty once drop.txt has gone over them.
    for verb, args in r.steps:
        if verb in ('drop', 'move', 'text', 'bytes', 'copy', 'link', 'keep'):
            getattr(tree, 'do_' + verb)(*args)
    overlay(tree, f'{HERE}/rpm/{row.name}/root')
    if row.variant:
        overlay(tree, f'{HERE}/rpm/{row.name}/root.{row.variant}')
    make = f'{HERE}/rpm/{row.name}/make'
    if os.path.exists(make):
        subprocess.run([make, root, debs.root], check=True)
    for verb, args in r.steps:
        if verb in ('dir', 'attr', 'caps', 'config', 'noconfig', 'ghost', 'noverify'):
            getattr(tree, 'do_' + verb)(*args)
    bytecode(tree)
    return tree


def overlay(tree, source):
    if not os.path.isdir(source):
        return
    for path, e in relayout.walk(source):
        if e.is_dir(follow_symlinks=False):
            os.makedirs(tree.at(path), exist_ok=True)
            continue
        tree.parents(path)
        if os.path.lexists(tree.at(path)):
            os.unlink(tree.at(path))
        if e.is_symlink():
            os.symlink(os.readlink(source + path), tree.at(path))
            continue
        shutil.copyfile(source + path, tree.at(path))
        executable = e.stat().st_mode & 0o100
        os.chmod(tree.at(path), 0o755 if executable else 0o644)
        os.utime(tree.at(path), (DATE, DATE))


def bytecode(tree):
    where = [tree.at(d) for d in ('/usr/lib', '/usr/share', '/usr/lib64')
             if os.path.isdir(tree.at(d))]
    if not any(p.endswith('.py') for p, e in relayout.walk(tree.root) if e.is_file()):
        return
    subprocess.run(['/usr/bin/python3', '-m', 'compileall', '-q', '-f', '-s', tree.root,
                    '--invalidation-mode', 'unchecked-hash', *where],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path, e in relayout.walk(tree.root):
        if '/__pycache__' in path:
            os.utime(tree.at(path), (DATE, DATE))


def spec(row, r, tree, debs, needs):
    lines = [f'Name: {row.name}', f'Version: {row.version}', f'Release: {row.release}',
             f'Summary: {r.summary or summary(row, debs)}',
             'License: see /usr/share/licenses', f'URL: http://lab.invalid/',
             'Vendor: hikae lab', 'Packager: hikae lab', 'AutoReqProv: no']
    if row.arch == 'noarch':
        lines.append('BuildArch: noarch')
    label = module_label(row)
    if label:
        lines.append(f'ModularityLabel: {label}')
    lines += [f'Requires: {n}' for n in needs]
    script = scriptlets(r, tree)
    if script:
        # What a scriptlet runs is not in Debian's dependencies: there these
        # packages are essential.
        for name in ('bash', 'coreutils-single', 'grep', 'sed'):
            if name != row.name:
                lines += [f'Requires(pre): {name}', f'Requires(post): {name}']
        if r.users or r.groups:
            lines.append('Requires(pre): shadow-utils')
            lines.append('Requires(pre): glibc-common')
        if r.lists['unit'] and row.name != 'systemd':
            lines.append('Requires(post): systemd')
    for key, tag in (('prerequire', 'Requires(pre)'), ('provide', 'Provides'), ('obsolete', 'Obsoletes'),
                     ('conflict', 'Conflicts'), ('recommend', 'Recommends')):
        lines += [f'{tag}: {n}' for n in r.lists[key]]
    lines += ['%description', r.summary or summary(row, debs)]
    for when, text in script.items():
        lines += [f'%{when}'] + [t.replace('%', '%%') for t in text]
    lines.append('%files')
    lines += list(tree.files())
    return '\n'.join(lines) + '\n'


def summary(row, debs):
    for deb, _, _ in row.takes:
        text = debs.control[deb].get('Description', '')
        if text:
            return text.split('\n')[0]
    return row.name


def module_label(row):
    """name:stream of modules.tsv that this rpm is an artifact of."""
    with open(HERE + '/modules.tsv') as f:
        for line in f:
            if line.startswith('#') or not line.strip():
                continue
            name, stream, _, version, context, globs = line.rstrip('\n').split('\t')
            for g in globs.split():
                if fnmatch.fnmatchcase(f'{row.name}-{row.version}-{row.release}', g):
                    return f'{name}:{stream}:{version}:{context}'
    return None


def digest(row, rows, debs):
    """What the rpm depends on; another digest means that it is made again."""
    h = hashlib.sha256()
    for name in ('wrap.py', 'names.py', 'recipe.py', 'relayout.py'):
        h.update(open(f'{HERE}/lib/{name}', 'rb').read())
    h.update(open(f'{HERE}/drop.txt', 'rb').read())
    h.update(repr((row.nevra, row.repo, row.takes, module_label(row), sorted(DECLARED))).encode())
    for other in rows:
        for deb, globs, _ in other.takes:
            if globs and any(deb == d for d, _, _ in row.takes):
                h.update(repr((deb, globs)).encode())
    for deb, _, _ in row.takes:
        h.update(debs.control[deb].get('Version', '').encode())
    for top in (f'{HERE}/rpm/{row.name}', f'{LAB}/keys/public' if row.name in KEYED else None):
        if top and os.path.isdir(top):
            for path, e in relayout.walk(top):
                st = e.stat(follow_symlinks=False)
                h.update(f'{path} {st.st_mode}\n'.encode())
                if e.is_symlink():
                    h.update(os.readlink(top + path).encode())
                elif e.is_file():
                    h.update(open(top + path, 'rb').read())
    return h.hexdigest()


KEYED = ('rocky-gpg-keys', 'epel-release', 'remi-release')


def build(row, rows, debs, owner, drops):
    out = f'{CACHE}/rpm/{row.nevra}.rpm'
    stamp = f'{CACHE}/rpm/{row.nevra}.stamp'
    r = recipes.read(f'{HERE}/rpm/{row.name}/recipe', row.variant)
    needs = requires(row, r, debs, owner, None)
    want = hashlib.sha256((digest(row, rows, debs) + repr(needs)).encode()).hexdigest()
    if os.path.exists(out) and os.path.exists(stamp) and open(stamp).read() == want:
        return False
    tree = assemble(row, rows, debs, drops, r)
    specfile = f'{CACHE}/spec/{row.key}.spec'
    with open(specfile, 'w') as f:
        f.write(spec(row, r, tree, debs, needs))
    key = {'epel': 'epel', 'remi-safe': 'remi', 'vendor': 'vendor', 'local': 'vendor'}.get(row.repo, 'base')
    done = subprocess.run(['rpmbuild', '-bb', '--quiet', '--noprep', '--nocheck', '--noclean',
                    '--buildroot', tree.root,
                    '--load', f'{HERE}/lib/macros', '--define', f'_topdir {CACHE}/rpmbuild',
                    '--define', f'_rpmdir {CACHE}/rpm/new/{row.key}',
                    '--define', f'_dbpath {CACHE}/rpmdb', specfile],
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit('rpmbuild: ' + done.stderr)
    made = f'{CACHE}/rpm/new/{row.key}/{row.nevra}.rpm'
    if row.repo != 'local':
        subprocess.run(['rpmsign', '--addsign', '--define', f'_gpg_name hikae-lab-{key}',
                        '--define', '__gpg /usr/bin/gpg',
                        '--define', f'_gpg_path {LAB}/keys/gnupg',
                        '--define', f'_dbpath {CACHE}/rpmdb', made],
                       check=True, stdout=subprocess.DEVNULL)
    os.rename(made, out)
    with open(stamp, 'w') as f:
        f.write(want)
    shutil.rmtree(tree.root)
    return True


# The long ones first, so that no core waits for the other at the end.
LONG = ('selinux-policy-targeted', 'mariadb', 'mariadb-server', 'git', 'postgresql-server',
        'perl-interpreter', 'perl-libs', 'python3-libs', 'coreutils-single', 'libicu')


def work(key):
    """One row, in a worker: what was made, and what went wrong."""
    rows, debs, owner, drops = WORLD
    row = next(r for r in rows if r.key == key)
    try:
        return (row.nevra if build(row, rows, debs, owner, drops) else None), None
    except (SystemExit, subprocess.CalledProcessError, OSError) as e:
        return None, f'{key}: {e}'


def main():
    global WORLD
    rows, _ = names.read(HERE + '/names.tsv')
    WORLD = (rows, names.Debs(CACHE + '/debs'), names.owners(rows),
             relayout.Drops(HERE + '/drop.txt'))
    keys = sys.argv[1:] or [row.key for row in rows]
    keys.sort(key=lambda k: LONG.index(k) if k in LONG else len(LONG))
    failed = False
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for made, wrong in pool.imap_unordered(work, keys):
            if made:
                print(made, flush=True)
            if wrong:
                print(wrong, file=sys.stderr, flush=True)
                failed = True
    sys.exit(failed)


if __name__ == '__main__':
    main()
