package rules

// guardedLists are about what makes root of somebody: not stopped, but shown
// apart, so that a person looks at it first.
func guardedLists() []List { return []List{guarded()} }

// GuardedPath reports whether a change of a path can make root of somebody.
func GuardedPath(path string) (Rule, bool) { return guardedPaths().Match(path) }

// GuardedGroup reports whether the members of a group can become root.
func GuardedGroup(name string) (Rule, bool) { return guardedGroups().Match(name) }

var (
	guardedPaths  = compiled(guardedLists)
	guardedGroups = compiled(func() []List { return []List{powerful()} })
)

func guarded() List {
	return List{
		Name: "Needs a look: paths",
		Doc:  "A change is carried, and named apart in the plan: who writes it there is root.",
		Rules: []Rule{
			{"/etc/{sudoers,sudoers.d/**,sudo.conf,sudo_logsrvd.conf,doas.conf}", "says who becomes root", "/etc/sudoers.d/web", "/etc/sudoers.rpmnew"},
			{"/etc/{pam.d/**,pam.conf}", "says who is let in", "/etc/pam.d/su", "/etc/pam_debug.conf"},
			{"/etc/polkit-1/**", "says who may do what root may", "/etc/polkit-1/rules.d/50-web.rules", "/etc/polkit.conf"},
			{"/etc/dbus-1/system{.conf,.d/**,-local.conf}", "says who may ask root's daemons", "/etc/dbus-1/system.d/x.conf", "/etc/dbus-1/session.conf"},
			{"/etc/ld.so.{preload,conf,conf.d/**}", "is loaded into every program", "/etc/ld.so.preload", "/etc/ld.so.cache"},
			{"/etc/ssh/{sshd_config,sshd_config.d/**,sshrc,authorized_keys/**,ssh_known_hosts}", "says who logs in, and what runs then", "/etc/ssh/sshd_config", "/etc/ssh/ssh_config"},
			{"/**/.ssh/{authorized_keys,authorized_keys2,rc,environment}", "says who logs in, and what runs then", "/home/ann/.ssh/authorized_keys", "/home/ann/.ssh/config"},
			{"/etc/systemd/{system,user}/**", "a unit runs what it says as root", "/etc/systemd/system/web.service", "/etc/systemd/journald.conf"},
			{"/etc/systemd/{system,user}-{generators,environment-generators,preset}/**", "runs, or starts units, at boot", "/etc/systemd/system-generators/x", "/etc/systemd/system.conf"},
			{"/etc/{rc.local,rc.d/**,init.d/**,inittab}", "runs at boot as root", "/etc/rc.d/rc.local", "/etc/rc.conf"},
			{"/etc/{crontab,anacrontab,cron.{d,hourly,daily,weekly,monthly,yearly}/**}", "a job runs what it says as root", "/etc/cron.d/backup", "/etc/cron.deny"},
			{"/var/spool/{cron,at}/**", "a job of the user that it is named for", "/var/spool/cron/root", "/var/spool/mail/root"},
			{"/etc/{profile,profile.d/**,bashrc,bash.bashrc,environment,zshrc,zshenv,zprofile,csh.login,csh.cshrc}", "runs when root logs in", "/etc/profile.d/x.sh", "/etc/inputrc"},
			{"/root/.{bashrc,bash_profile,bash_login,bash_logout,profile,cshrc,tcshrc,zshrc,zshenv}", "runs when root logs in", "/root/.bashrc", "/root/.vimrc"},
			{"/etc/logrotate.d/**", "its scripts run as root", "/etc/logrotate.d/httpd", "/etc/logrotate.status"},
			{"/etc/{yum.repos.d/**,yum.conf,dnf/**,pki/rpm-gpg/**}", "says where packages come from, and whom they are believed from", "/etc/yum.repos.d/x.repo", "/etc/pki/tls/openssl.cnf"},
			{"/etc/{nsswitch.conf,sssd/**,krb5.conf}", "says who there is", "/etc/nsswitch.conf", "/etc/sss.conf"},
			{"/etc/selinux/**", "says what is confined", "/etc/selinux/semanage.conf", "/etc/selinuxes"},
		},
	}
}

func powerful() List {
	return List{
		Name: "Needs a look: groups",
		Doc:  "Their members can become root, or read what only root can.",
		Rules: []Rule{
			{"{wheel,sudo,admin,root}", "sudo's and su's by custom", "wheel", "wheels"},
			{"{disk,shadow,kmem,tape}", "reads and writes below all permissions", "disk", "cdrom"},
			{"{docker,podman,lxd,libvirt,qemu,kvm,systemd-journal,adm}", "starts what is root, or reads its logs", "docker", "dockerroot"},
		},
	}
}
