#!/usr/bin/python3
"""Before anything is built: does names.tsv account for every Debian package?"""

import os
import sys

import names

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
rows, dropped = names.read(HERE + '/names.tsv')
have = set(names.Debs(os.environ['HIKAE_LAB'] + '/cache/debs').control)
taken = {deb for row in rows for deb, _, _ in row.takes}
wrong = [f'names.tsv: no row takes {d}' for d in sorted(have - taken - dropped)]
wrong += [f'names.tsv: {d} is not among the fetched packages' for d in sorted(taken - have)]
if wrong:
    sys.exit('\n'.join(wrong))
