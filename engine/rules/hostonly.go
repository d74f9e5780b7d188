package rules

// hostOnlyLists are the paths that never cross, by subject.
func hostOnlyLists() []List {
	return []List{identity(), registration(), access(), disks(), hardware(), network(), madePerHost()}
}

func identity() List {
	return List{
		Name: "The host's own: identity",
		Doc:  "Who the host is. Two hosts with one identity break whatever tells them apart by it.",
		Rules: []Rule{
			{"/etc/machine-id", "names this installation to systemd, D-Bus and DHCP servers", "/etc/machine-id", "/etc/machine-id.d"},
			{"/var/lib/dbus/machine-id", "D-Bus's copy of the machine id", "/var/lib/dbus/machine-id", "/var/lib/dbus/machine-id2"},
			{"/etc/hostname", "the host's name", "/etc/hostname", "/etc/hostname.conf"},
			{"/etc/machine-info", "the host's pretty name, place and chassis", "/etc/machine-info", "/etc/machine-infos"},
			{"/etc/hostid", "the host's id for gethostid(3), which ZFS and licences look at", "/etc/hostid", "/etc/hostids"},
			{"/etc/hosts", "holds the host's own name and addresses", "/etc/hosts", "/etc/hosts.allow"},
			{"/etc/ssh/ssh_host_*", "sshd's own keys: who has them can pass for this host", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_config"},
			{"/root/.ssh/id_*", "root's own keys: who has them can log in where this host may", "/root/.ssh/id_rsa.pub", "/root/.ssh/config"},
			{"/etc/krb5.keytab", "the host's own Kerberos keys", "/etc/krb5.keytab", "/etc/krb5.conf"},
			{"/etc/iscsi/initiatorname.iscsi", "the host's iSCSI name: two hosts with one corrupt a disk", "/etc/iscsi/initiatorname.iscsi", "/etc/iscsi/iscsid.conf"},
			{"/var/lib/iscsi/**", "iSCSI targets and nodes as this host found them", "/var/lib/iscsi/nodes/iqn.x/default", "/var/lib/iscsi"},
			{"/etc/nvme/{hostnqn,hostid}", "the host's NVMe names", "/etc/nvme/hostnqn", "/etc/nvme/discovery.conf"},
			{"/var/lib/cloud/**", "cloud-init's state: what it has done on this very instance", "/var/lib/cloud/data/instance-id", "/var/lib/cloudy"},
			{"/etc/cloud/**", "cloud-init's settings for the place this host runs in", "/etc/cloud/cloud.cfg.d/99_provider.cfg", "/etc/cloudy.cfg"},
			{"/var/lib/NetworkManager/**", "NetworkManager's state: leases, secret key, seen access points", "/var/lib/NetworkManager/secret_key", "/var/lib/NetworkManage"},
			{"/var/lib/plexmediaserver/**/Preferences.xml", "holds Plex's machine id and claim, which Plex allows to one server", "/var/lib/plexmediaserver/Library/Application Support/Plex Media Server/Preferences.xml", "/var/lib/plexmediaserver/Library/Preferences.xml.bak"},
		},
	}
}

func registration() List {
	return List{
		Name: "The host's own: registration",
		Doc:  "What was bought or claimed for this host alone.",
		Rules: []Rule{
			{"/etc/pki/consumer{,/**}", "the subscription's identity certificate of this host", "/etc/pki/consumer/key.pem", "/etc/pki/consumers/key.pem"},
			{"/etc/pki/entitlement{,-host}{,/**}", "the subscription's entitlements of this host", "/etc/pki/entitlement/123-key.pem", "/etc/pki/entitlements"},
			{"/etc/pki/product{,/**}", "product certificates that subscription-manager keeps", "/etc/pki/product/479.pem", "/etc/pki/product-default/479.pem"},
			{"/etc/yum.repos.d/redhat.repo", "written by subscription-manager from this host's entitlements", "/etc/yum.repos.d/redhat.repo", "/etc/yum.repos.d/remi.repo"},
			{"/etc/rhsm{,/**}", "subscription-manager's settings and facts", "/etc/rhsm/rhsm.conf", "/etc/rhsm.conf"},
			{"/var/lib/rhsm/**", "subscription-manager's state", "/var/lib/rhsm/productid.js", "/var/lib/rhsm2"},
			{"/etc/insights-client{,/**}", "the Insights registration of this host", "/etc/insights-client/machine-id", "/etc/insights"},
			{"/var/lib/insights/**", "what Insights gathered here", "/var/lib/insights/host-details.json", "/var/lib/insights"},
			{"/etc/sysconfig/rhn{,/**}", "the registration at a Satellite or Spacewalk", "/etc/sysconfig/rhn/systemid", "/etc/sysconfig/rhnsd"},
		},
	}
}

func access() List {
	return List{
		Name: "The host's own: access",
		Doc:  "How the controller gets in. A host that lost it could not be mended from afar.",
		Rules: []Rule{
			{"/root/.ssh/authorized_keys*", "the keys that the controller logs in with", "/root/.ssh/authorized_keys", "/home/ann/.ssh/authorized_keys"},
			{"/etc/hikae{,/**}", "hikae's own keys and recipients on this host", "/etc/hikae/recipients", "/etc/hikaeru"},
			{"/var/{lib,cache}/hikae{,/**}", "hikae's own state on this host", "/var/lib/hikae/journal", "/var/lib/hikaeru"},
			{"/etc/sudoers.d/hikae*", "the sudo line that the controller needs", "/etc/sudoers.d/hikae", "/etc/sudoers.d/web"},
		},
	}
}

func disks() List {
	return List{
		Name: "The host's own: disks and boot",
		Doc:  "A host with another's tables of disks does not boot.",
		Rules: []Rule{
			{"/etc/fstab", "names this host's disks", "/etc/fstab", "/etc/fstab.d"},
			{"/etc/crypttab", "names this host's encrypted disks", "/etc/crypttab", "/etc/crypttab2"},
			{"/etc/{cryptsetup-keys.d,luks-keys}{,/**}", "key files of this host's encrypted disks", "/etc/cryptsetup-keys.d/data.key", "/etc/cryptsetup"},
			{"/etc/mdadm.conf", "names this host's RAID arrays", "/etc/mdadm.conf", "/etc/mdadm.cfg"},
			{"/etc/mdadm{,.conf.d}/**", "names this host's RAID arrays", "/etc/mdadm/mdadm.conf", "/etc/mdadms/x"},
			{"/etc/lvm{,/**}", "settings, devices and backups of this host's volume groups", "/etc/lvm/devices/system.devices", "/etc/lvmx"},
			{"/etc/multipath.conf", "names this host's paths to disks", "/etc/multipath.conf", "/etc/multipath.cfg"},
			{"/etc/multipath{,/**}", "names this host's paths to disks", "/etc/multipath/wwids", "/etc/multipaths"},
			{"/etc/systemd/system/**/*.{mount,automount,swap}", "mounts this host's disks", "/etc/systemd/system/srv-data.mount", "/etc/systemd/system/srv.service"},
			{"/etc/systemd/system/*.{mount,automount,swap}.d/**", "settings of this host's mounts", "/etc/systemd/system/tmp.mount.d/size.conf", "/etc/systemd/system/httpd.service.d/x.conf"},
			{"/etc/default/grub", "this host's kernel command line", "/etc/default/grub", "/etc/default/useradd"},
			{"/etc/grub.d{,/**}", "this host's boot menu", "/etc/grub.d/40_custom", "/etc/grub.e"},
			{"/etc/grub2*.cfg", "a link to this host's boot menu", "/etc/grub2-efi.cfg", "/etc/grub2.txt"},
			{"/etc/sysconfig/{grub,kernel}", "how kernels are installed on this host", "/etc/sysconfig/kernel", "/etc/sysconfig/kernels"},
			{"/etc/kernel{,/**}", "this host's kernel command line and install hooks", "/etc/kernel/cmdline", "/etc/kernels"},
			{"/boot{,/**}", "this host's kernels and boot loader", "/boot/grub2/grub.cfg", "/bootstrap"},
			{"/etc/dracut.conf", "what this host needs to find its root", "/etc/dracut.conf", "/etc/dracut.cfg"},
			{"/etc/dracut.conf.d{,/**}", "what this host needs to find its root", "/etc/dracut.conf.d/raid.conf", "/etc/dracut.d/x"},
			{"/etc/kdump.conf", "where this host's crash dumps go", "/etc/kdump.conf", "/etc/kdump.cfg"},
			{"/etc/kdump{,/**}", "where this host's crash dumps go", "/etc/kdump/pre.d/x", "/etc/kdumps"},
			{"/etc/sysconfig/kdump", "memory kept for this host's crash kernel", "/etc/sysconfig/kdump", "/etc/sysconfig/kdumpx"},
			{"/etc/smartmontools{,/**}", "names the disks that smartd watches here", "/etc/smartmontools/smartd.conf", "/etc/smartd"},
			{"/etc/sysconfig/smartmontools", "how smartd is started for these disks", "/etc/sysconfig/smartmontools", "/etc/sysconfig/sshd"},
			{"/etc/smartd.conf", "names the disks that smartd watches here", "/etc/smartd.conf", "/etc/smart.conf"},
		},
	}
}

func hardware() List {
	return List{
		Name: "The host's own: hardware",
		Doc:  "What describes this machine's devices.",
		Rules: []Rule{
			{"/etc/modprobe.d{,/**}", "options of this host's drivers", "/etc/modprobe.d/nvidia.conf", "/etc/modprobe.conf"},
			{"/etc/modules-load.d{,/**}", "drivers that this host loads", "/etc/modules-load.d/it87.conf", "/etc/modules-load"},
			{"/etc/udev/{rules,hwdb}.d{,/**}", "names and rights of this host's devices", "/etc/udev/rules.d/70-persistent-net.rules", "/etc/udev/udev.conf"},
			{"/etc/tuned{,/**}", "tuning for this host's hardware", "/etc/tuned/active_profile", "/etc/tuned-ui"},
			{"/etc/sensors{3.conf,.conf,.d,.d/**}", "calibration of this host's sensors", "/etc/sensors.d/board.conf", "/etc/sensors.txt"},
			{"/etc/sysconfig/{lm_sensors,fancontrol}", "this host's sensor chips", "/etc/sysconfig/lm_sensors", "/etc/sysconfig/sensord"},
			{"/etc/fancontrol", "this host's fans", "/etc/fancontrol", "/etc/fancontrols"},
			{"/etc/usbguard{,/**}", "the USB devices allowed on this host", "/etc/usbguard/rules.conf", "/etc/usbguards"},
			{"/etc/adjtime", "drift of this host's clock", "/etc/adjtime", "/etc/adjtimex"},
			{"/etc/apcupsd{,/**}", "the UPS hangs on one host; the other is its net client", "/etc/apcupsd/apcupsd.conf", "/etc/apcups"},
			{"/etc/{ups,nut}{,/**}", "the UPS hangs on one host; the other is its net client", "/etc/ups/ups.conf", "/etc/upstream/x"},
			{"/etc/X11/xorg.conf{,.d/**}", "this host's screens and input devices", "/etc/X11/xorg.conf.d/10-gpu.conf", "/etc/X11/Xresources"},
			{"/etc/mcelog{,/**}", "how this host's memory errors are handled", "/etc/mcelog/mcelog.conf", "/etc/mcelogs"},
		},
	}
}

func network() List {
	return List{
		Name: "The host's own: network",
		Doc:  "Two hosts with one address shut each other off.",
		Rules: []Rule{
			{"/etc/sysconfig/network-scripts{,/**}", "this host's interfaces and addresses", "/etc/sysconfig/network-scripts/ifcfg-eth0", "/etc/sysconfig/network-script"},
			{"/etc/NetworkManager/system-connections{,/**}", "this host's interfaces and addresses", "/etc/NetworkManager/system-connections/lan.nmconnection", "/etc/NetworkManager/NetworkManager.conf"},
			{"/etc/sysconfig/network", "this host's gateway and name", "/etc/sysconfig/network", "/etc/sysconfig/networks"},
			{"/etc/systemd/network{,/**}", "this host's interfaces and addresses", "/etc/systemd/network/10-lan.network", "/etc/systemd/networkd.conf"},
			{"/etc/{network,netplan}{,/**}", "this host's interfaces and addresses", "/etc/network/interfaces", "/etc/networks"},
			{"/etc/resolv.conf", "written for this host's network", "/etc/resolv.conf", "/etc/resolv.conf.d"},
			{"/etc/sysconfig/dhcpd{,6}", "names the interfaces that dhcpd serves on this host", "/etc/sysconfig/dhcpd6", "/etc/sysconfig/dhcrelay"},
		},
	}
}

func madePerHost() List {
	return List{
		Name: "The host's own: made per host",
		Doc:  "Keys and certificates that a package makes at its first start, for this host.",
		Rules: []Rule{
			{"/etc/pki/tls/{certs/localhost.crt,private/localhost.key}", "the self-signed pair that httpd made here", "/etc/pki/tls/private/localhost.key", "/etc/pki/tls/private/www.key"},
			{"/etc/pki/tls/{certs/postfix.pem,private/postfix.key}", "the self-signed pair that postfix made here", "/etc/pki/tls/certs/postfix.pem", "/etc/pki/tls/certs/mail.pem"},
			{"/etc/pki/dovecot/{certs,private}/dovecot.pem", "the self-signed pair that dovecot made here; keep a real certificate at a path of its own", "/etc/pki/dovecot/private/dovecot.pem", "/etc/pki/dovecot/dovecot-openssl.cnf"},
			{"/etc/ssl/{certs/ssl-cert-snakeoil.pem,private/ssl-cert-snakeoil.key}", "the self-signed pair that ssl-cert made here", "/etc/ssl/private/ssl-cert-snakeoil.key", "/etc/ssl/private/www.key"},
			{"/etc/cockpit/ws-certs.d/{0,1}-self-signed*", "the self-signed pair that cockpit made here", "/etc/cockpit/ws-certs.d/0-self-signed.cert", "/etc/cockpit/ws-certs.d/50-www.cert"},
			{"/etc/rndc.key", "the key that named and rndc share on this host", "/etc/rndc.key", "/etc/rndc.conf"},
			{"/etc/unbound/unbound_{control,server}.{key,pem}", "the keys that unbound and its control share on this host", "/etc/unbound/unbound_server.key", "/etc/unbound/root.key"},
			{"/etc/fapolicyd/fapolicyd.trust", "hashes of the files trusted on this host", "/etc/fapolicyd/fapolicyd.trust", "/etc/fapolicyd/fapolicyd.conf"},
			{"/etc/fapolicyd/trust.d{,/**}", "hashes of the files trusted on this host", "/etc/fapolicyd/trust.d/local", "/etc/fapolicyd/rules.d/90-deny.rules"},
			{"/etc/selinux/config", "SELinux's mode: never weakened from afar", "/etc/selinux/config", "/etc/selinux/semanage.conf"},
		},
	}
}
