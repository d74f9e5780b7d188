"""rpm/NAME/recipe: what is done to a package's files, and what it does when
it is installed. One statement a line, words as in the shell:

  summary TEXT
  require|provide|obsolete|conflict|recommend NAME...   (a word may hold "name >= 1")
  prerequire NAME...           must be there before this package's files are
  unrequire NAME...            leave out what Debian's dependencies would say
  drop GLOB...                 leave these files out
  keep GLOB...                 take these though drop.txt leaves them out
  move FROM TO                 rename a file, or a directory with all below it
  link PATH TARGET             a symbolic link
  copy PATH TO                 a second copy of a file
  dir MODE OWNER GROUP PATH... a directory of the package's own
  attr MODE OWNER GROUP GLOB...  ("-" keeps the mode)
  caps CAPS GLOB...            file capabilities
  text GLOB REGEX REPLACEMENT  edits a text file (Python's re, multi-line)
  bytes GLOB OLD NEW           puts a path in a binary's string table in place of
                               another; NEW is stretched with slashes at its "//"
  config|noconfig GLOB...      is (not) %config(noreplace); files below /etc are
  ghost MODE OWNER GROUP PATH  owned, but made at run time
  noverify GLOB...             rpm -V does not look at size, digest and mtime
  user NAME UID GROUP HOME SHELL COMMENT   made by %pre ("-": next free system id)
  group NAME GID
  unit NAME...                 systemctl preset on install, stop on removal,
                               restart on update
  pre|post|preun|postun|posttrans COMMAND   a line of that scriptlet
  @X STATEMENT                 only in the variant that names.tsv calls =X
  @- STATEMENT                 only in the row that is no variant
"""

import shlex

LISTS = {'require': [], 'prerequire': [], 'provide': [], 'obsolete': [], 'conflict': [],
         'recommend': [], 'unrequire': [], 'unit': []}
SCRIPTLETS = ('pre', 'post', 'preun', 'postun', 'posttrans')


class Recipe:
    def __init__(self):
        self.summary = None
        self.steps = []              # (verb, args), in order: what is done to files
        self.users, self.groups = [], []
        self.lists = {k: [] for k in LISTS}
        self.script = {k: [] for k in SCRIPTLETS}


def read(path, variant=None):
    r = Recipe()
    try:
        f = open(path)
    except FileNotFoundError:
        return r
    with f:
        for number, line in enumerate(f, 1):
            line = line.rstrip('\n')
            if not line.strip() or line.lstrip().startswith('#'):
                continue
            verb, _, rest = line.strip().partition(' ')
            if verb.startswith('@'):
                if verb[1:] != (variant or '-'):
                    continue
                verb, _, rest = rest.strip().partition(' ')
            if verb in SCRIPTLETS:
                r.script[verb].append(rest)
            elif verb == 'summary':
                r.summary = rest
            else:
                try:
                    args = shlex.split(rest)
                except ValueError as e:
                    raise SystemExit(f'{path}:{number}: {e}')
                if verb in LISTS:
                    r.lists[verb] += args
                elif verb == 'user':
                    r.users.append(args)
                elif verb == 'group':
                    r.groups.append(args)
                elif hasattr(Steps, verb):
                    r.steps.append((verb, args))
                else:
                    raise SystemExit(f'{path}:{number}: no such statement: {verb}')
    return r


class Steps:
    """Names of the statements lib/wrap.py carries out on the file tree."""
    drop = keep = move = link = copy = dir = attr = caps = text = bytes = None
    config = noconfig = ghost = noverify = None
