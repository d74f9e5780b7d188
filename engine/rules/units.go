package rules

// unitLists are about units that are the host's own.
func unitLists() []List { return []List{ownUnits()} }

func ownUnits() List {
	return List{
		Name: "Units of the host's own",
		Doc:  "Their state is neither read nor set: this host's machine, disks or network decide.",
		Rules: []Rule{
			{"*.{mount,automount,swap,device}", "disks of this host", "srv-data.mount", "mount.service"},
			{"{getty,autovt,serial-getty,container-getty}@*", "consoles of this host", "getty@tty1.service", "agetty.service"},
			{"{console-getty,container-getty}.service", "consoles of this host", "console-getty.service", "getty.target"},
			{"{lvm2-*,blk-availability.service,dm-event.*}", "volume groups of this host", "lvm2-monitor.service", "lvm3.service"},
			{"{mdmonitor,mdadm,mdcheck,mdmonitor-oneshot}*", "RAID arrays of this host", "mdmonitor.service", "raid-check.timer"},
			{"{multipathd,dmraid-activation}*", "paths to disks of this host", "multipathd.service", "multipath"},
			{"{iscsi,iscsid,iscsiuio,iscsi-*,nvmf-*,nvmefc-*}.*", "disks that this host has from the network", "iscsid.socket", "iscsitarget.service"},
			{"{vdo,stratisd,systemd-cryptsetup@*,zfs-*}.*", "disks of this host", "vdo.service", "vdox.service"},
			{"{kdump,kexec}.service", "this host's crash kernel", "kdump.service", "dump.service"},
			{"{smartd,smartmontools}.service", "watches this host's disks", "smartd.service", "smart.service"},
			{"{dracut,initrd,grub,grub2}-*", "how this host boots", "grub-boot-success.timer", "grubby.service"},
			{"{NetworkManager,NetworkManager-*}.service", "this host's network", "NetworkManager-wait-online.service", "NetworkManagers.service"},
			{"{network,networking,wpa_supplicant,ModemManager,import-state,loadmodules}.service", "this host's network", "network.service", "networkd-dispatcher.service"},
			{"{wpa_supplicant,systemd-networkd-wait-online}@*", "this host's network", "wpa_supplicant@wlan0.service", "hostapd.service"},
			{"systemd-{networkd*,resolved*,network-generator*}", "this host's network", "systemd-networkd.socket", "systemd-timesyncd.service"},
			{"{tuned,rngd,mcelog,rasdaemon,thermald,irqbalance,bolt,upower,usbguard,microcode,sysfsutils,acpid}.service", "this host's hardware", "tuned.service", "tunedx.service"},
			{"{lm_sensors,fancontrol,ipmi,ipmievd,bmc-*}.service", "this host's sensors and fans", "lm_sensors.service", "sensord.service"},
			{"{apcupsd,nut-*,ups,upsd,upsmon}.*", "the UPS hangs on one host; the other is its net client", "apcupsd.service", "apache.service"},
			{"{rhsmcertd,rhsm*,insights-client*,subscription-*}", "this host's registration", "insights-client.timer", "insights.service"},
			{"{cloud-*,qemu-guest-agent*,vmtoolsd*,vgauthd*,hyperv*,hv_*,waagent*,spice-vdagentd*}", "the machine that this host is a guest of", "cloud-init.service", "clouds.service"},
			{"{selinux-autorelabel*,sshd-keygen*,systemd-{machine-id-commit,firstboot,hwdb-update,random-seed}*}", "makes what is this host's own", "sshd-keygen.target", "sshd.service"},
			{"hikae*", "hikae's own units say what this host is in its pair", "hikae-watch.service", "web.service"},
		},
	}
}
