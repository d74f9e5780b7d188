package rules

import (
	"path"
	"strings"
)

// leftOutLists are the paths of /etc and elsewhere that no snapshot holds.
func leftOutLists() []List { return []List{elsewhere(), derived(), volatile(), reported()} }

func elsewhere() List {
	return List{
		Name: "Left out: carried in another form",
		Doc:  "Another kind of resource carries what these files say, entry by entry.",
		Rules: []Rule{
			{"/etc/{passwd,shadow,group,gshadow}", "merged entry by entry, as user and group", "/etc/shadow", "/etc/shadow.conf"},
			{"/etc/{subuid,subgid}", "ranges of ids, merged entry by entry, as part of user", "/etc/subuid", "/etc/subuid.d"},
			{"/etc/dnf/modules.d/*.module", "streams of modules, carried as module_stream", "/etc/dnf/modules.d/php.module", "/etc/dnf/modules.d/README"},
			{"/etc/systemd/{system,user}/*.{wants,requires,upholds}{,/**}", "links that systemctl enable makes, carried as service", "/etc/systemd/system/multi-user.target.wants/httpd.service", "/etc/systemd/system/httpd.service"},
			{"/etc/systemd/system/default.target", "the default target, carried as service", "/etc/systemd/system/default.target", "/etc/systemd/system/web.target"},
			{"/etc/systemd/system/dbus-*.service", "names that systemctl enable makes, carried as service", "/etc/systemd/system/dbus-org.freedesktop.nm-dispatcher.service", "/etc/systemd/system/web.service"},
		},
	}
}

func derived() List {
	return List{
		Name: "Left out: derived",
		Doc:  "The intent travels and the target makes these itself.",
		Rules: []Rule{
			{"/etc/aliases.db", "made by newaliases from /etc/aliases", "/etc/aliases.db", "/etc/aliases"},
			{"/etc/{postfix,mail}/**/*.{db,lmdb,cdb,dir,pag}", "a map, made by postmap or makemap from the text beside it", "/etc/postfix/virtual.db", "/etc/postfix/virtual"},
			{"/etc/ld.so.cache", "made by ldconfig", "/etc/ld.so.cache", "/etc/ld.so.conf"},
			{"/etc/prelink.cache", "made by prelink", "/etc/prelink.cache", "/etc/prelink.conf"},
			{"/etc/udev/hwdb.bin", "made by systemd-hwdb", "/etc/udev/hwdb.bin", "/etc/udev/udev.conf"},
			{"/etc/pki/ca-trust/extracted/**", "made by update-ca-trust from the anchors", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/ca-trust/source/anchors/home.pem"},
			{"/etc/crypto-policies/{back-ends,state}/**", "made by update-crypto-policies from /etc/crypto-policies/config", "/etc/crypto-policies/back-ends/openssh.config", "/etc/crypto-policies/config"},
			{"/etc/alternatives/**", "links that alternatives keeps; what was chosen by hand is carried as alternative", "/etc/alternatives/mta", "/etc/alternative/mta"},
			{"/etc/authselect/{nsswitch.conf,system-auth,password-auth,smartcard-auth,fingerprint-auth,postlogin,dconf-db,dconf-locks}", "made by authselect from its profile", "/etc/authselect/system-auth", "/etc/authselect/user-nsswitch.conf"},
			{"/etc/nsswitch.conf.bak", "authselect's copy of the file it replaced", "/etc/nsswitch.conf.bak", "/etc/nsswitch.conf"},
			{"/etc/selinux/*/{active,modules,policy,logins}/**", "SELinux's store, made by semodule and semanage", "/etc/selinux/targeted/active/seusers", "/etc/selinux/semanage.conf"},
			{"/etc/selinux/*/{seusers,.policy.sha512}", "SELinux's store, made by semodule and semanage", "/etc/selinux/targeted/seusers", "/etc/selinux/targeted/setrans.conf"},
			{"/etc/selinux/*/contexts/files/file_contexts{,.bin,.homedirs,.homedirs.bin,.local,.local.bin,.subs_dist}", "file contexts, made by semodule and semanage; the host's own are carried as selinux_fcontext", "/etc/selinux/targeted/contexts/files/file_contexts.local", "/etc/selinux/targeted/contexts/files/file_contexts.subs"},
		},
	}
}

func volatile() List {
	return List{
		Name: "Left out: volatile",
		Doc:  "State of a moment, or scraps of a tool.",
		Rules: []Rule{
			{"/etc/.pwd.lock", "the lock of the account files", "/etc/.pwd.lock", "/etc/pwd.lock"},
			{"/{etc,var}/.updated", "when systemd last saw an update", "/etc/.updated", "/etc/updated"},
			{"/etc/{passwd,shadow,group,gshadow,subuid,subgid}-", "the account files before the last change", "/etc/passwd-", "/etc/passwd"},
			{"/etc/{passwd,shadow,group,gshadow,subuid,subgid}.lock", "a lock of the account files", "/etc/group.lock", "/etc/ntp.lock"},
			{"/etc/mtab", "what is mounted now", "/etc/mtab", "/etc/mtab.fuselock2"},
			{"/etc/nologin", "closes a host that is going down; carried over, it locks everyone out", "/etc/nologin", "/etc/nologin.txt"},
			{"/etc/apcupsd/powerfail", "says that power failed; carried over, it switches the host off", "/etc/apcupsd/powerfail", "/etc/apcupsd/apccontrol"},
			{"/etc/lvm/{archive,backup,cache}{,/**}", "LVM's copies of its own metadata", "/etc/lvm/archive/vg_0.vg", "/etc/lvm/lvm.conf"},
			{"/etc/**/.{git,hg,svn,bzr,etckeeper}{,/**}", "a history of its own, which grows without bound", "/etc/.git/objects/00/11", "/etc/.gitignore"},
			{"/**/.*.sw?", "an editor's swap file", "/etc/httpd/conf.d/.www.conf.swp", "/etc/httpd/conf.d/www.conf"},
			{"/**/4913", "vim's trial of whether it can write", "/etc/4913", "/etc/49130"},
			{"/**/*~", "an editor's copy of the file before", "/etc/named.conf~", "/etc/named.conf"},
			{"/**/{#*#,.#*}", "emacs's unsaved text and lock", "/etc/#motd#", "/etc/motd"},
			{"/**/.hikae.*", "a file that hikae was writing", "/etc/.hikae.x7Qp", "/etc/hikae.conf"},
			{"/etc/firewalld/**/*.old", "firewalld's copy of the file before", "/etc/firewalld/zones/public.xml.old", "/etc/firewalld/zones/old.xml"},
			{"/etc/cups/{*.O,subscriptions.conf}", "written by cupsd as it runs", "/etc/cups/printers.conf.O", "/etc/cups/printers.conf"},
			{"/etc/**/*.jnl", "named's journal of a dynamic zone: worth nothing without the zone of that moment", "/etc/named/home.zone.jnl", "/etc/named/home.zone"},
		},
	}
}

func reported() List {
	return List{
		Name: "Left out: reported",
		Doc:  "Never carried, but a person has to look at them.",
		Rules: []Rule{
			{"/**/*.rpmnew", "the package's new version of a file that was edited here", "/etc/named.conf.rpmnew", "/etc/rpmnew"},
			{"/**/*.rpmsave", "the edited file of a package that was removed or replaced", "/etc/named.conf.rpmsave", "/etc/rpmsave"},
			{"/**/*.rpmorig", "a file that stood where a package put its own", "/etc/named.conf.rpmorig", "/etc/rpmorig"},
		},
	}
}

// unitDirs are where the links of systemctl enable and mask point to.
var unitDirs = []string{"/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system", "/usr/local/lib/systemd/system"}

// UnitLink reports whether a link is one that systemctl made and the service
// kind carries: a mask, or another name of a unit. No pattern can tell these
// from links that a person made, so it is asked with the link's target.
func UnitLink(link, target string) (Rule, bool) {
	dir, name := path.Split(link)
	if dir != "/etc/systemd/system/" && dir != "/etc/systemd/user/" || !strings.Contains(name, ".") {
		return Rule{}, false
	}
	if target == "/dev/null" {
		return Rule{Pattern: link, Why: "a masked unit, carried as service"}, true
	}
	if !path.IsAbs(target) {
		target = path.Join(dir, target)
	}
	for _, d := range unitDirs {
		// A unit linked to a file under its own name was linked by a person.
		if path.Dir(target) == d && path.Base(target) != name && path.Ext(target) == path.Ext(name) {
			return Rule{Pattern: link, Why: "another name of a unit, made by systemctl enable and carried as service"}, true
		}
	}
	return Rule{}, false
}
