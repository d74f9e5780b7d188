"""Labels what a transaction brought, by the policy on disk.

On EL rpm does so while it unpacks. Its plug-in asks the kernel whether SELinux is
there; the lab's kernel has none, though it keeps the labels.
"""

import os
import subprocess

import dnf

CONTEXTS = '/etc/selinux/targeted/contexts/files/file_contexts'


class SelinuxLabels(dnf.Plugin):
    name = 'selinux_labels'

    def transaction(self):
        if not os.path.exists(CONTEXTS):
            return
        files = set()
        for item in self.base.transaction.install_set:
            files.update(item.files)
        names = '\n'.join(sorted(f for f in files if os.path.lexists(f)))
        subprocess.run(['/usr/sbin/setfiles', '-F', '-i', '-f', '-', CONTEXTS],
                       input=names.encode(errors='surrogateescape'),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
