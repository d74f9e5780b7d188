"""Makes one dnf transaction, as hikae's package module asks for it.

Argument: the path of a request, a JSON object (see driver.go). What happens is
appended to the file request["events"], one JSON object a line; all other output
goes to request["log"]. The last line says how it ended; without one it was
killed.

Runs on dnf 4 (EL 8: 4.7 on Python 3.6; EL 9: 4.14). It holds no dollar sign:
systemd would take that for a variable.
"""

import json
import logging
import os
import re
import sys
import time


class Failed(Exception):
    """The transaction was not made; kind is one of driver.go's."""

    def __init__(self, kind, text, items=()):
        Exception.__init__(self, text)
        self.kind = kind
        self.items = list(items)


def main():
    with open(sys.argv[1]) as f:
        request = json.load(f)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    out = open(request["events"], "a")

    def emit(event, **fields):
        fields["event"] = event
        out.write(json.dumps(fields) + "\n")
        out.flush()

    try:
        import dnf.exceptions

        run_unlocked(request, emit)
        emit("done")
    except Failed as e:
        emit("failed", kind=e.kind, text=str(e), items=e.items)
    except Exception as e:
        logging.exception("the transaction failed")
        kind = "dnf"
        if isinstance(e, ImportError):
            kind = "nodnf"
        emit("failed", kind=kind, text=str(e) or type(e).__name__)


def run_unlocked(request, emit):
    """Tries until no other process holds dnf's locks, or the time is over."""
    import dnf.exceptions

    run = Run(request, emit)
    deadline = time.time() + request["lock_wait"]
    try:
        run.configure()
        while True:
            try:
                return run.run()
            except dnf.exceptions.LockError as e:
                if time.time() >= deadline:
                    raise Failed("locked", str(e))
                emit("waiting", text=str(e))
                time.sleep(1)
                # What holds the lock may well change what is installed.
                run.base.reset(sack=True, goal=True)
    finally:
        run.base.close()


class Run:
    def __init__(self, request, emit):
        import dnf

        self.request = request
        self.emit = emit
        self.base = dnf.Base()
        self.asked = {}  # (name, arch) -> whether it is there on purpose
        self.wished = []  # of wishes and the packages that fulfil each
        self.held = set()  # (name, arch) of those that were said to be held back
        self.needed = {}  # installed packages that do not go -> what needs them

    def run(self):
        self.load()
        if self.unavailable() and any(True for _ in self.base.repos.iter_enabled()):
            # The cached metadata may be older than the package.
            self.base.reset(sack=True, goal=True)
            for repo in self.base.repos.iter_enabled():
                repo._repo.expire()
            self.load()
        if self.request["streams"]:
            self.set_streams()
        elif self.request["download"]:
            self.download()
        else:
            self.transact()

    def load(self):
        self.emit("progress", text="reading the repositories' metadata")
        self.base.fill_sack()

    def configure(self):
        base, conf = self.base, self.base.conf
        root = self.request["installroot"]
        if root:
            conf.installroot = root
            conf.config_file_path = root + conf.config_file_path
        conf.read(conf.config_file_path)
        if root:
            import dnf.rpm

            conf.substitutions["releasever"] = dnf.rpm.detect_releasever(root) or ""
            conf.prepend_installroot("cachedir")
            conf.prepend_installroot("persistdir")
            conf.prepend_installroot("logdir")
            conf.reposdir = [root + d for d in conf.reposdir]
        conf.substitutions.update_from_etc(root or "/")
        conf.assumeyes = True
        conf.exit_on_lock = True
        conf.install_weak_deps = False
        conf.clean_requirements_on_remove = False
        conf.strict = True
        if hasattr(conf, "module_stream_switch"):
            conf.module_stream_switch = True
        logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
        base.init_plugins()
        base.pre_configure_plugins()
        base.read_all_repos()
        base.configure_plugins()
        # What the history shows as the command.
        base.args = ["hikae"]

    # What is wished for

    def exact(self, wish):
        """The packages, installed or not, that have the wished version."""
        q = self.base.sack.query().filterm(name=wish["name"], arch=wish["arch"])
        return q.filterm(epoch=wish["epoch"], version=wish["version"], release=wish["release"])

    def in_repository(self, wish):
        """Whether a repository has the wished version: what comes from there
        is checked by the repository's rules."""
        return bool(wish["version"]) and bool(self.exact(wish).available())

    def is_wished(self, pkg, wish):
        want = (wish["arch"], wish["epoch"], wish["version"], wish["release"])
        return (pkg.arch, pkg.epoch, pkg.version, pkg.release) == want

    def excluded(self, wish):
        """Whether the wished version is there, and kept out: by exclude= or by
        a version lock."""
        import hawkey

        q = self.base.sack.query(flags=hawkey.IGNORE_EXCLUDES).filterm(name=wish["name"], arch=wish["arch"])
        return bool(q.filterm(epoch=wish["epoch"], version=wish["version"], release=wish["release"]))

    def unavailable(self):
        def found(w):
            return w["file"] or (self.exact(w) if w["version"] else self.by_name(w))

        streams = [s for s in self.request["streams"] if s["stream"] and not self.modules(s)]
        return streams + [w for w in self.request["install"] if not found(w)]

    def by_name(self, wish):
        """The newest package of the name, where the exact one is gone."""
        import hawkey

        arches = ["noarch", hawkey.detect_arch()]
        if wish["arch"]:
            arches = [wish["arch"], "noarch"]
        q = self.base.sack.query().filterm(name=wish["name"], arch=arches)
        installed = q.installed()
        if installed:
            return installed
        return q.available().filterm(latest=True)

    def installed(self, wish):
        q = self.base.sack.query().installed().filterm(name=wish["name"])
        if wish["arch"]:
            q = q.filterm(arch=wish["arch"])
        return list(q)

    def add_files(self):
        """Makes the given rpm files known; dnf wants it before all else."""
        for w in self.request["install"]:
            if w["file"] and self.in_repository(w):
                w["file"] = ""
        files = [w["file"] for w in self.request["install"] if w["file"]]
        return dict(zip(files, self.base.add_remote_rpms(files)))

    def add_wishes(self, local, optional):
        """Wishes for what can be had. With optional, the solver may leave out
        those that cannot be with what else is there."""
        import dnf.selector

        for w in self.request["install"]:
            if w["file"]:
                pkg = local[w["file"]]
                if pkg.name != w["name"] or w["version"] and not self.is_wished(pkg, w):
                    raise Failed("wrongfile", "the rpm file given for %s holds %s" % (w["name"], pkg))
                result, text = self.base.package_signature_check(pkg)
                if result != 0:
                    self.hold(w, "signature", text=text)
                    continue
                q = [pkg]
            else:
                q = self.exact(w) if w["version"] else self.by_name(w)
                if not q and not w["exact"]:
                    q = self.by_name(w)
                    if q and self.hold(w, "replaced", got=str(q[0]), excluded=self.excluded(w)):
                        if w["asked"] is not None and q[0].installed:
                            self.request["mark"].append(w)
                if not q:
                    self.hold(w, "unavailable", excluded=self.excluded(w))
                    continue
            selector = dnf.selector.Selector(self.base.sack).set(pkg=q)
            self.base.goal.install(select=selector, optional=optional)
            self.asked[(q[0].name, q[0].arch)] = w["asked"]
            self.wished.append((w, q))

    def add_removals(self):
        named = set()
        for w in self.request["remove"]:
            for pkg in self.installed(w):
                if str(pkg) in self.needed:
                    continue
                named.add(str(pkg))
                self.base.goal.erase(pkg, clean_deps=False)
        return named

    def hold(self, wish, kind, **fields):
        """Says of a wish that it is not fulfilled, and why; once. Returns
        whether that was news."""
        key = (wish["name"], wish["arch"])
        if key in self.held:
            return False
        self.held.add(key)
        self.emit("heldback", name=wish["name"], arch=wish["arch"], kind=kind, nevra=nevra(wish), **fields)
        return True

    # Module streams

    def add_repairs(self):
        """As dnf remove --duplicates does it."""
        named = set()
        for w in self.request["drop"] or []:
            for pkg in self.exact(w).installed():
                named.add(str(pkg))
                self.base.goal.erase(pkg, clean_deps=False)
        for w in self.request["reinstall"] or []:
            q = self.exact(w).available()
            if not q:
                self.emit("unrepaired", nevra=nevra(w))
                continue
            self.base.goal.install(q[0])
            self.asked[(w["name"], w["arch"])] = w["asked"]
        return named

    def modules(self, wish):
        """What the repositories have of a module's stream."""
        found = self.base._moduleContainer.getModulePackages()
        return [m for m in found if m.getName() == wish["name"] and m.getStream() == wish["stream"]]

    def set_streams(self):
        """Sets streams without a package: these follow in a transaction of
        their own, which dnf's own order allows: it saves the streams before
        rpm begins."""
        import dnf.exceptions
        import dnf.module.module_base

        container = self.base._moduleContainer
        gone = []
        for w in self.request["streams"]:
            # To switch from one stream to another is to leave the first.
            container.reset(w["name"], False)
            if w["disabled"]:
                container.disable(w["name"], False)
            elif w["stream"] and not self.modules(w):
                gone.append("%s:%s" % (w["name"], w["stream"]))
        if gone:
            raise Failed("nostream", "no repository has it", gone)
        specs = ["%s:%s" % (w["name"], w["stream"]) for w in self.request["streams"] if w["stream"]]
        if specs:
            try:
                dnf.module.module_base.ModuleBase(self.base).enable(specs)
            except dnf.exceptions.MarkingErrors as e:
                raise Failed("depsolve", str(e))
        for w in self.request["streams"]:
            has = set(p.getName() for m in self.modules(w) for p in m.getProfiles())
            for profile in w["profiles"]:
                if profile not in has:
                    raise Failed("nostream", "no such profile", ["%s:%s/%s" % (w["name"], w["stream"], profile)])
                container.install(w["name"], w["stream"], profile)
        self.base.do_transaction()

    # The transaction

    def transact(self):
        import libdnf.transaction as lt

        base = self.base
        local = self.add_files()
        named = self.resolve(local)
        self.refuse_extra_removals(named)
        marks = self.marks()
        if not base.transaction:
            if marks:
                self.emit("progress", text="marking %d packages" % len(marks))
                self.record(marks)
            return
        forward = (lt.TransactionItemAction_INSTALL, lt.TransactionItemAction_UPGRADE,
                   lt.TransactionItemAction_DOWNGRADE, lt.TransactionItemAction_REINSTALL)
        for item in base.transaction:
            if item.action not in forward:
                continue
            asked = self.asked.get((item.pkg.name, item.pkg.arch))
            if asked is not None:
                item.reason = reason(asked)
            elif item.action == lt.TransactionItemAction_INSTALL:
                self.emit("extra", nevra=str(item.pkg))
        for pkg, why in marks:
            base.history.set_reason(pkg, why)
        self.fetch(list(base.transaction.install_set))
        base.do_transaction(display(self.emit))
        bad = [str(i.pkg) for i in base.transaction if i.state == lt.TransactionItemState_ERROR]
        if bad:
            raise Failed("transaction", "rpm could not finish", bad)

    def resolve(self, local):
        """Finds the transaction that does most of what is wished, and returns
        what it removes on purpose.

        What others need, that no wish names, does not go; what cannot be with
        what is there is left out. One package keeps nothing from the others.
        """
        import dnf.exceptions

        self.emit("progress", text="resolving dependencies")
        why = None  # that not all could be had together
        again = False
        while True:
            if again:
                self.base.reset(goal=True)
            again = True
            self.wished = []
            named = self.add_removals() | self.add_repairs()
            self.add_wishes(local, optional=why is not None)
            try:
                self.base.resolve(allow_erasing=bool(named) and why is None)
            except dnf.exceptions.DepsolveError as e:
                if why is None:
                    why = str(e)
                    continue
                if named and self.keep_needed(named, self.dependents(named)):
                    continue
                raise Failed("depsolve", why)
            extra = self.extra_removals(named)
            if not extra:
                break
            if not self.keep_needed(named, extra):
                if why is not None:
                    break
                why = "these would have to go: " + ", ".join(sorted(str(p) for p in extra))
        self.hold_left_out(why or "dnf leaves it out")
        return named

    def extra_removals(self, named):
        import libdnf.transaction as lt

        return [i.pkg for i in self.base.transaction or []
                if i.action == lt.TransactionItemAction_REMOVE and str(i.pkg) not in named]

    def dependents(self, named):
        """What is installed, is not to go, and needs something that is."""
        installed = self.base.sack.query().installed()
        found = set()
        for pkg in installed:
            if str(pkg) in named:
                for dep in pkg.provides:
                    found.update(installed.filter(requires=dep))
        return [p for p in found if str(p) not in named]

    def keep_needed(self, named, extra):
        """Notes those to be removed that the packages of extra cannot do
        without, and returns whether there are any."""
        installed = self.base.sack.query().installed()
        gone = named | set(str(p) for p in extra)
        found = False
        for pkg in extra:
            for dep in list(pkg.requires):
                providers = [str(p) for p in installed.filter(provides=dep)]
                if not providers or any(p not in gone for p in providers):
                    continue
                for p in providers:
                    if p in named and p not in self.needed:
                        self.needed[p] = str(pkg)
                        found = True
        for w in self.request["remove"]:
            for pkg in self.installed(w):
                if str(pkg) in self.needed:
                    self.hold(w, "needed", got=self.needed[str(pkg)])
        return found

    def hold_left_out(self, why):
        """Holds back the wishes that the transaction leaves out."""
        coming = set(str(p) for p in self.base.sack.query().installed())
        if self.base.transaction:
            coming |= set(str(p) for p in self.base.transaction.install_set)
        problems = re.split(r"\bProblem(?: [0-9]+)?: ", why)
        for wish, packages in self.wished:
            if not any(str(p) in coming for p in packages):
                mine = [p for p in problems if wish["name"] + "-" in p]
                self.hold(wish, "depsolve", text="; ".join(mine) or why)

    def refuse_extra_removals(self, named):
        extra = [str(p) for p in self.extra_removals(named)]
        if extra:
            raise Failed("removes", "these would have to go too", sorted(extra))

    def marks(self):
        found = []
        for w in self.request["mark"]:
            for pkg in self.installed(w):
                found.append((pkg, reason(w["asked"])))
        return found

    def record(self, marks):
        """Writes reasons alone, the way dnf mark does."""
        base = self.base
        for pkg, why in marks:
            base.history.set_reason(pkg, why)
        last = base.history.last()
        if last is not None:
            version = last.end_rpmdb_version
        elif hasattr(base._ts, "dbCookie"):
            version = base._ts.dbCookie()
        else:
            version = base.sack._rpmdb_version()
        base.history.beg(version, [], [], "hikae")
        base.history.end(version)

    def fetch(self, packages):
        """Downloads packages and checks their signatures."""
        remote = [p for p in packages if not p._from_cmdline]
        if remote:
            self.base.download_packages(remote, downloads(self.emit))
        bad = []
        for pkg in packages:
            result, text = self.base.package_signature_check(pkg)
            if result == 1 and self.key_is_here(pkg):
                # As dnf does with -y: the key that the repository's own
                # configuration names, from a file of this host.
                self.base.package_import_key(pkg)
                result, text = self.base.package_signature_check(pkg)
            if result != 0:
                bad.append(text)
        if bad:
            raise Failed("signature", "a signature is not good", bad)

    def key_is_here(self, pkg):
        keys = [] if pkg._from_cmdline else self.base.repos[pkg.repoid].gpgkey
        return bool(keys) and all(k.startswith("file:") for k in keys)

    def download(self):
        """Only fetches: the wished packages' files go to request["download"].

        One that cannot be had keeps nothing from the others.
        """
        # With destdir, what was downloaded stays.
        directory = self.base.conf.destdir = self.request["download"]
        for repo in self.base.repos.iter_enabled():
            repo.pkgdir = directory
        failed, gone = [], []
        for w in self.request["install"]:
            q = self.exact(w).available()
            if not q:
                gone.append(nevra(w))
                continue
            try:
                self.fetch([q[0]])
            except Exception as e:
                failed.append(str(e))
                continue
            path = os.path.join(directory, os.path.basename(q[0].localPkg()))
            self.emit("downloaded", nevra=str(q[0]), path=path)
        if failed:
            raise Failed("download", "; ".join(failed), failed)
        if gone:
            raise Failed("unavailable", "no repository has it", gone)


def reason(asked):
    import libdnf.transaction as lt

    if asked:
        return lt.TransactionItemReason_USER
    return lt.TransactionItemReason_DEPENDENCY


def nevra(wish):
    s = wish["name"]
    if wish["version"]:
        s += "-%s%s-%s" % ("%d:" % wish["epoch"] if wish["epoch"] else "", wish["version"], wish["release"])
    if wish["arch"]:
        s += "." + wish["arch"]
    return s


def display(emit):
    import dnf.callback

    verbs = {
        dnf.callback.PKG_INSTALL: "installing",
        dnf.callback.PKG_UPGRADE: "upgrading",
        dnf.callback.PKG_DOWNGRADE: "downgrading",
        dnf.callback.PKG_REINSTALL: "reinstalling",
        dnf.callback.PKG_ERASE: "removing",
        dnf.callback.PKG_CLEANUP: "cleaning up",
        dnf.callback.PKG_SCRIPTLET: "running scriptlets of",
    }

    class Display(dnf.callback.TransactionProgress):
        last = None

        def progress(self, package, action, ti_done, ti_total, ts_done, ts_total):
            now = (str(package), action)
            if action in verbs and now != self.last:
                self.last = now
                emit("progress", text="%s %s" % (verbs[action], package), at=ts_done, of=ts_total)

        def error(self, message):
            emit("message", text=str(message))

        def scriptout(self, msgs):
            for m in (msgs or "").splitlines():
                emit("message", text=m)

    return Display()


def downloads(emit):
    import dnf.callback

    class Downloads(dnf.callback.DownloadProgress):
        total = 0
        ended = 0

        def start(self, total_files, total_size, total_drpms=0):
            self.total = total_files

        def end(self, payload, status, msg):
            self.ended += 1
            if status == dnf.callback.STATUS_FAILED:
                emit("message", text="cannot download %s: %s" % (payload, msg))
            else:
                emit("progress", text="downloaded %s" % payload, at=self.ended, of=self.total)

    return Downloads()


main()
