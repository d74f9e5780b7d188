#!/usr/bin/python3
"""The module metadata of appstream, from modules.tsv and names.tsv.

modules.py               prints modules.yaml
modules.py --rpms REPO   prints the packages of one repository
"""

import fnmatch
import os
import sys

import names

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What `dnf module install` takes when asked for no profile: (profile, packages).
PROFILES = {
    'httpd': ('common', ['httpd', 'httpd-filesystem', 'httpd-tools', 'mod_http2', 'mod_ssl']),
    'php': ('common', ['php-cli', 'php-common', 'php-fpm', 'php-mbstring', 'php-xml']),
    'redis': ('common', ['redis']),
    'mariadb': ('server', ['mariadb-server']),
    'postgresql': ('server', ['postgresql-server']),
}
WORDS = {'httpd': 'Apache HTTP Server', 'php': 'PHP scripting language', 'redis': 'Redis persistent key-value database',
         'mariadb': 'MariaDB Module', 'postgresql': 'PostgreSQL server and client module'}


def streams(path):
    with open(path) as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                yield line.rstrip('\n').split('\t')


def yaml(rows):
    out, defaults = [], {}
    for name, stream, default, version, context, globs in streams(HERE + '/modules.tsv'):
        profile, packages = PROFILES[name]
        summary = WORDS[name]
        artifacts = sorted(
            f'{r.name}-0:{r.version}-{r.release}.{r.arch}' for r in rows
            if any(fnmatch.fnmatchcase(f'{r.name}-{r.version}-{r.release}', g) for g in globs.split()))
        out += ['---', 'document: modulemd', 'version: 2', 'data:',
                f'  name: {name}', f'  stream: "{stream}"', f'  version: {version}',
                f'  context: {context}', '  arch: x86_64', f'  summary: {summary}',
                f'  description: >-', f'    {summary}, stream {stream}.',
                '  license:', '    module: [MIT]',
                '  dependencies:', '  - buildrequires:', '      platform: [el8]',
                '    requires:', '      platform: [el8]',
                '  profiles:', f'    {profile}:', '      rpms:']
        out += [f'      - {p}' for p in packages]
        out += ['  artifacts:', '    rpms:'] + [f'    - {a}' for a in artifacts] + ['...']
        if default == 'd':
            defaults[name] = stream, profile
    for name, (stream, profile) in defaults.items():
        out += ['---', 'document: modulemd-defaults', 'version: 1', 'data:',
                f'  module: {name}', f'  stream: "{stream}"', '  profiles:']
        out += [f'    "{s}": [{PROFILES[name][0]}]' for n, s, *_ in streams(HERE + '/modules.tsv') if n == name]
        out.append('...')
    return '\n'.join(out)


rows, _ = names.read(HERE + '/names.tsv')
if '--rpms' in sys.argv:
    print('\n'.join(r.nevra for r in rows if r.repo == sys.argv[-1]))
else:
    print(yaml(rows))
