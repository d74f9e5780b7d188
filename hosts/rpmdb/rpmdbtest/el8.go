package rpmdbtest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"hikae/hosts/rpmdb"
)

// Sizes of the set that EL8 makes by default.
const (
	DefaultPackages = 800
	DefaultFiles    = 60000
)

// A base is a source package: the forms of names, versions and releases are those of EL 8's base image.
type base struct {
	name, version, release string
	epoch                  uint32
	noarch                 bool
	module                 string
}

var bases = []base{
	{"acl", "2.2.53", "3.el8", 0, false, ""}, {"audit", "3.1.2", "1.el8", 0, false, ""}, {"bash", "4.4.20", "5.el8", 0, false, ""},
	{"bind", "9.11.36", "16.el8_10.2", 32, false, ""}, {"ca-certificates", "2023.2.60_v7.0.306", "80.0.el8_8", 0, true, ""},
	{"chkconfig", "1.19.2", "1.el8", 0, false, ""}, {"coreutils", "8.30", "15.el8", 0, false, ""},
	{"cronie", "1.5.2", "10.el8", 0, false, ""}, {"crypto-policies", "20230731", "1.git3177e06.el8", 0, true, ""},
	{"curl", "7.61.1", "34.el8", 0, false, ""}, {"cyrus-sasl", "2.1.27", "6.el8_5", 0, false, ""},
	{"dbus", "1.12.8", "26.el8", 1, false, ""}, {"dhcp", "4.3.6", "50.el8_10", 12, false, ""},
	{"dnf", "4.7.0", "20.el8", 0, true, ""}, {"dovecot", "2.3.16", "5.el8", 1, false, ""},
	{"expat", "2.2.5", "13.el8_10", 0, false, ""}, {"firewalld", "0.9.11", "4.el8", 0, true, ""},
	{"gawk", "4.2.1", "4.el8", 0, false, ""}, {"glib2", "2.56.4", "164.el8", 0, false, ""},
	{"glibc", "2.28", "251.el8_10.2", 0, false, ""}, {"gnupg2", "2.2.20", "3.el8_6", 0, false, ""},
	{"httpd", "2.4.37", "65.module+el8.10.0+1830+22f0c9e0", 0, false, "httpd:2.4:8100020240612075645:489197e6"},
	{"iputils", "20180629", "11.el8", 0, false, ""}, {"krb5", "1.18.2", "27.el8_10", 0, false, ""},
	{"libnsl2", "1.2.0", "2.20180605git4a062cf.el8", 0, false, ""}, {"libreport", "2.9.5", "15.el8.rocky.6.3", 0, false, ""},
	{"libxml2", "2.9.7", "18.el8", 0, false, ""}, {"logrotate", "3.14.0", "6.el8", 0, false, ""},
	{"mariadb", "10.3.39", "1.module+el8.8.0+1452+2a7eab68", 3, false, "mariadb:10.3:8080020230717155807:63b34585"},
	{"ncurses", "6.1", "10.20180224.el8", 0, false, ""}, {"openldap", "2.4.46", "18.el8", 0, false, ""},
	{"openssh", "8.0p1", "25.el8_10", 0, false, ""}, {"openssl", "1.1.1k", "12.el8_9", 1, false, ""},
	{"pam", "1.3.1", "33.el8", 0, false, ""}, {"perl", "5.26.3", "422.el8", 4, false, ""},
	{"php", "7.4.33", "1.module+el8.8.0+1452+2a7eab68", 0, false, "php:7.4:8100020240425121450:f7998665"},
	{"platform-python", "3.6.8", "62.el8_10.rocky.0", 0, false, ""}, {"postfix", "3.5.8", "7.el8", 2, false, ""},
	{"postgresql", "10.23", "4.module+el8.10.0+1706+6d7d3f07", 0, false, "postgresql:10:8100020240115143412:489197e6"},
	{"procmail", "3.22", "47.el8", 0, false, ""}, {"redis", "5.0.3", "5.module+el8.9.0+1603+1fe20a8b", 0, false, "redis:5:8090020231205093347:489197e6"},
	{"rpm", "4.14.3", "31.el8", 0, false, ""}, {"rsyslog", "8.2102.0", "15.el8_10.1", 0, false, ""},
	{"selinux-policy", "3.14.3", "139.el8_10", 0, true, ""}, {"setup", "2.12.2", "11.el8", 0, true, ""},
	{"shadow-utils", "4.6", "22.el8", 2, false, ""}, {"spamassassin", "3.4.6", "1.el8", 0, false, ""},
	{"sudo", "1.9.5p2", "1.el8_9", 0, false, ""}, {"systemd", "239", "82.el8", 0, false, ""},
	{"tzdata", "2024a", "1.el8", 0, true, ""}, {"util-linux", "2.32.1", "46.el8", 0, false, ""},
	{"vim", "8.0.1763", "19.el8_6.4", 2, false, ""}, {"xz", "5.2.4", "4.el8_6", 0, false, ""}, {"zlib", "1.2.11", "26.el8", 0, false, ""},
}

var parts = []string{
	"", "libs", "common", "tools", "utils", "devel", "doc", "filesystem", "server", "client", "data", "minimal", "plugins", "selinux", "cli",
	"langpack-en", "langpack-ja", "gpg-keys", "python3", "perl",
}

// EL8 invents what is installed on an EL 8 server, the same for the same seed: packages with about files files in all, their
// configuration and ghosts and links and a few capabilities, and two imported keys. Names' forms are real, contents are not.
func EL8(seed uint64, packages, files int) []*Package {
	g := &generator{rand: rand.New(rand.NewPCG(seed, 8)), now: 1718000000}
	var pkgs []*Package
	for i := 0; len(pkgs) < packages-2; i++ {
		b := bases[i%len(bases)]
		round := i / len(bases)
		name := b.name
		if part := parts[round%len(parts)]; part == "python3" || part == "perl" {
			name = part + "-" + name
		} else if part != "" {
			name += "-" + part
		}
		if n := round / len(parts); n > 0 {
			name += fmt.Sprint(n + 1)
		}
		left := max(files-g.files, 0) / max(packages-2-len(pkgs), 1)
		pkgs = append(pkgs, g.pkg(b, name, left))
	}
	for i := range 2 {
		pkgs = append(pkgs, g.key(i))
	}
	return pkgs
}

type generator struct {
	rand  *rand.Rand
	files int
	now   int64
}

func (g *generator) pkg(b base, name string, mean int) *Package {
	arch := "x86_64"
	if b.noarch {
		arch = "noarch"
	}
	evr := fmt.Sprintf("%s-%s", b.version, b.release)
	if b.epoch != 0 {
		evr = fmt.Sprintf("%d:%s", b.epoch, evr)
	}
	p := &Package{
		Name: name, Version: b.version, Release: b.release, Arch: arch, Epoch: b.epoch,
		Summary: "An invented " + name, Description: strings.Repeat("Nothing of this package is real but the form of its name.\n", 6),
		Vendor: "Example", SourceRPM: fmt.Sprintf("%s-%s-%s.src.rpm", b.name, b.version, b.release), ModularityLabel: b.module,
		BuildTime: g.now - 86400*int64(100+g.rand.IntN(900)), InstallTime: g.now, SigKeyID: "0123456789abcdef",
		Provides: []rpmdb.Dep{{Name: name, Flags: rpmdb.DepEqual, Version: evr}, {Name: name + "(x86-64)", Flags: rpmdb.DepEqual, Version: evr}},
		Requires: []rpmdb.Dep{
			{Name: "/bin/sh", Flags: rpmdb.DepScriptPost},
			{Name: "libc.so.6(GLIBC_2.14)(64bit)", Flags: 1 << 14},
			{Name: "rpmlib(CompressedFileNames)", Flags: rpmdb.DepRPMLib | rpmdb.DepLess | rpmdb.DepEqual, Version: "3.0.4-1"},
		},
	}
	g.now += int64(g.rand.IntN(3))
	for range 20 + g.rand.IntN(60) {
		p.Changelog = append(p.Changelog, strings.Repeat("- Resolves: RHEL-00000: a change that was never made\n", 1+g.rand.IntN(6)))
	}
	for i := range g.rand.IntN(20) {
		p.Requires = append(p.Requires, rpmdb.Dep{Name: fmt.Sprintf("lib%s.so.%d()(64bit)", bases[g.rand.IntN(len(bases))].name, i), Flags: 1 << 14})
	}
	// most packages are small, a few are very large
	n := int(float64(mean) * (0.2 + g.rand.ExpFloat64()*0.8))
	p.Files = g.packageFiles(p, max(n, 8))
	g.files += len(p.Files)
	return p
}

const (
	dirMode  = 0o040755
	fileMode = 0o100644
	execMode = 0o100755
	linkMode = 0o120777
)

func (g *generator) packageFiles(p *Package, n int) []rpmdb.File {
	l := fileList{g: g, mtime: p.BuildTime}
	conf := rpmdb.FileConfig | rpmdb.FileNoReplace
	l.add("/etc/"+p.Name+".conf", fileMode, conf)
	l.add("/etc/"+p.Name+".d", dirMode, 0)
	l.add("/etc/"+p.Name+".d/00-default.conf", fileMode, rpmdb.FileConfig)
	l.add("/usr/bin/"+p.Name, execMode, 0)
	l.link("/usr/lib64/lib"+p.Name+".so", "lib"+p.Name+".so.1.0")
	l.add("/usr/lib64/lib"+p.Name+".so.1.0", execMode, 0)
	l.add("/usr/share/doc/"+p.Name, dirMode, 0)
	l.add("/usr/share/doc/"+p.Name+"/README", fileMode, rpmdb.FileDoc)
	l.add("/usr/share/licenses/"+p.Name+"/COPYING", fileMode, rpmdb.FileLicense)
	l.add("/var/log/"+p.Name+".log", 0o100600, rpmdb.FileGhost)
	if g.rand.IntN(4) == 0 {
		l.add("/etc/sysconfig/"+p.Name, fileMode, conf)
		l.add("/etc/logrotate.d/"+p.Name, fileMode, conf)
		l.add("/usr/lib/systemd/system/"+p.Name+".service", fileMode, 0)
		l.add("/var/lib/"+p.Name, 0o040750, 0)
		l.files[len(l.files)-1].User, l.files[len(l.files)-1].Group = "daemon", "daemon"
	}
	if g.rand.IntN(40) == 0 {
		l.add("/usr/sbin/"+p.Name+"-ping", execMode, 0)
		l.files[len(l.files)-1].Caps = "cap_net_admin,cap_net_raw=p"
	}
	for i := 0; len(l.files) < n; i++ {
		l.add(fmt.Sprintf("/usr/share/%s/%s/item-%05d.%s", p.Name, words[i/40%len(words)], i, ends[g.rand.IntN(len(ends))]), fileMode, 0)
	}
	slices.SortFunc(l.files, func(a, b rpmdb.File) int { return strings.Compare(a.Path, b.Path) })
	return l.files
}

var (
	words = []string{"locale", "modules", "templates", "icons", "i18n", "schemas", "examples", "lib", "site-packages", "include"}
	ends  = []string{"py", "mo", "png", "h", "xml", "pm", "html", "so"}
)

type fileList struct {
	g     *generator
	mtime int64
	files []rpmdb.File
}

func (l *fileList) add(name string, mode uint32, flags rpmdb.FileFlags) {
	f := rpmdb.File{Path: name, Mode: mode, MTime: l.mtime, User: "root", Group: "root", Flags: flags, Verify: ^rpmdb.VerifyFlags(0)}
	switch {
	case mode&0o170000 == 0o040000:
		f.Size = 4096
	case flags.Has(rpmdb.FileGhost):
		f.Verify &^= rpmdb.VerifyDigest | rpmdb.VerifySize | rpmdb.VerifyMTime
	default:
		f.Size = int64(l.g.rand.IntN(20000))
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), l.g.rand.Uint64()))
		f.Digest, f.Algo = sum[:], rpmdb.SHA256
	}
	l.files = append(l.files, f)
}

func (l *fileList) link(name, to string) {
	l.files = append(l.files, rpmdb.File{
		Path: name, Mode: linkMode, Size: int64(len(to)), MTime: l.mtime, LinkTo: to, User: "root", Group: "root", Verify: ^rpmdb.VerifyFlags(0),
	})
}

// key invents an imported key. Its text has the form of one, but is none.
func (g *generator) key(i int) *Package {
	return &Package{
		Name: "gpg-pubkey", Version: fmt.Sprintf("%08x", 0x6d745a60+i), Release: fmt.Sprintf("%08x", 0x60287f36+i),
		Summary:     fmt.Sprintf("gpg(Example key %d <security@example.org>)", i+1),
		SourceRPM:   "(none)",
		Description: "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: rpm-4.14.3 (NSS-3)\n\nbm90IGEga2V5\n-----END PGP PUBLIC KEY BLOCK-----\n",
		InstallTime: g.now, BuildTime: 0x60287f36 + int64(i),
		Provides: []rpmdb.Dep{{Name: fmt.Sprintf("gpg(%08x)", 0x6d745a60+i), Flags: rpmdb.DepEqual, Version: fmt.Sprintf("4:%08x-%08x", 0x6d745a60+i, 0x60287f36+i)}},
	}
}

// Headers lays all packages' headers out.
func Headers(pkgs []*Package) [][]byte {
	out := make([][]byte, len(pkgs))
	for i, p := range pkgs {
		out[i] = p.Header()
	}
	return out
}
