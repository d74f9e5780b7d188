"""names.tsv: which rpm is made of which Debian packages."""

import os
import re


class Row:
    """One rpm to build."""

    def __init__(self, name, evr, arch, repo, takes):
        self.name, self.arch, self.repo = name, arch, repo
        self.version, _, self.release = evr.rpartition('-')
        if not self.version:
            self.version, self.release = evr, '1'
        self.variant = None   # "3" of "=3"
        self.takes = takes    # [(deb, globs or None, second copy?)]

    @property
    def key(self):
        return self.name + ('@' + self.variant if self.variant else '')

    @property
    def nevra(self):
        return f'{self.name}-{self.version}-{self.release}.{self.arch}'


def read(path):
    """Returns the rows, and the set of dropped Debian packages."""
    rows, dropped, first = [], set(), {}
    with open(path) as f:
        for line in f:
            line = line.rstrip('\n')
            if not line or line.startswith('#'):
                continue
            name, evr, arch, repo, takes = line.split('\t')
            if name == '-':
                dropped.update(takes.split())
                continue
            row = Row(name, evr, arch, repo, [])
            if takes.startswith('='):
                row.variant = takes[1:]
                row.takes = first[name].takes
            elif takes != '+':
                for word in takes.split():
                    m = re.fullmatch(r'([^{@]+)(?:\{(.*)\}|(@))?', word)
                    globs = m.group(2).split(',') if m.group(2) else None
                    row.takes.append((m.group(1), globs, bool(m.group(3))))
            first.setdefault(name, row)
            rows.append(row)
    return rows, dropped


class Debs:
    """The unpacked Debian packages: $CACHE/debs/NAME/ and NAME.control."""

    def __init__(self, root):
        self.root = root
        self.control, self.provider = {}, {}
        for entry in sorted(os.listdir(root)):
            if not entry.endswith('.control'):
                continue
            fields, last = {}, None
            with open(os.path.join(root, entry)) as f:
                for line in f:
                    if line[0] in ' \t' and last:
                        fields[last] += '\n' + line.strip()
                    elif ':' in line:
                        last, _, value = line.partition(':')
                        fields[last] = value.strip()
            name = entry[:-len('.control')]
            self.control[name] = fields
            for p in fields.get('Provides', '').split(','):
                self.provider.setdefault(p.split('(')[0].strip(), name)

    def depends(self, deb):
        """What deb needs: for each dependency the first alternative we have."""
        fields = self.control.get(deb, {})
        for field in ('Pre-Depends', 'Depends'):
            for clause in fields.get(field, '').split(','):
                for alternative in clause.split('|'):
                    name = alternative.split('(')[0].split(':')[0].strip()
                    name = name if name in self.control else self.provider.get(name)
                    if name:
                        yield name
                        break


def owners(rows):
    """Debian package -> the rpm that stands for it in dependencies."""
    owner = {}
    for whole in (True, False):
        for row in rows:
            for deb, globs, copy in row.takes:
                if not copy and (globs is None) == whole:
                    owner.setdefault(deb, row.name)
    return owner
