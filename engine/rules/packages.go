package rules

// packageLists are about packages, by name.
func packageLists() []List {
	return []List{{
		Name: "Packages for the hardware",
		Doc:  "Neither installed on nor removed from another host: its machine decides.",
		Rules: []Rule{
			{"kernel*", "kernels are the host's own, and hikae boots into none", "kernel-core", "abrt-addon-kerneloops"},
			{"microcode_ctl", "microcode of this host's processor", "microcode_ctl", "microcode"},
			{"*-firmware", "firmware of this host's devices", "iwl7260-firmware", "firmware-tools"},
			{"linux-firmware*", "firmware of this host's devices", "linux-firmware-whence", "linux-headers"},
			{"{kmod,akmod}-*", "drivers of this host's devices", "kmod-nvidia", "kmod"},
			{"grub2*", "this host's boot loader", "grub2-efi-x64", "grub-customizer"},
			{"grubby*", "edits this host's boot entries", "grubby-deprecated", "grub"},
			{"shim*", "this host's boot loader", "shim-x64", "mokutil"},
			{"efi{bootmgr,-filesystem}", "this host's boot loader", "efibootmgr", "efivar"},
			{"dracut-{config-*,network,squash}", "how this host's kernel finds its root", "dracut-config-rescue", "dracut"},
			{"memtest86*", "this host's memory test", "memtest86+", "memtester"},
			{"{nvidia,xorg-x11-drv,amdgpu}-*", "drivers of this host's display", "xorg-x11-drv-intel", "xorg-x11-server-Xorg"},
			{"{open-vm-tools*,qemu-guest-agent,hyperv*,WALinuxAgent*,virtualbox-guest-additions}", "for the machine that this host is a guest of", "qemu-guest-agent", "qemu-img"},
		},
	}}
}
