package hosts

import "context"

// SocketReader is a Host that can tell on what a unit's processes listen.
type SocketReader interface {
	// Listening lists the sockets on which the processes of a control group
	// (as systemd names it: /system.slice/httpd.service) take what comes, as
	// "tcp 0.0.0.0:80", "udp [::1]:53", "unix /run/x.sock", sorted. Of UDP only
	// the ports below 1024: above are those that asked somebody something.
	Listening(ctx context.Context, cgroup string) ([]string, error)
}
