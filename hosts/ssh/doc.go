// Package ssh reaches a host over SSH and starts hikae's agent there. It knows
// nothing of what the agent says: it hands out the agent's standard input and
// output as a stream.
//
// It behaves as OpenSSH's ssh(1) does where it can: the same configuration
// files, keys, agent and known_hosts files. It is stricter in one thing: a
// host key that no known_hosts file holds is refused, whatever
// StrictHostKeyChecking says, with the commands that make it known.
//
// The agent is the program itself. What runs is, in this order: the very same
// binary, from a cache that only root can enter, named by its SHA-256; the
// installed InstalledBinary, if the caller finds it to be of the right
// version; or the same binary once it has been pushed to that cache by SFTP
// and its hash was verified there. When it is there already, the whole start
// is one request.
//
// Every failure is reported within 30 seconds, with what to do about it.
package ssh

// What is started on the host, and where it lies.
const (
	// InstalledBinary is where the package puts hikae.
	InstalledBinary = "/usr/bin/hikae"
	// AgentCommand is the subcommand that serves the agent.
	AgentCommand = "agent"
	// Preamble is the line with which an agent begins.
	Preamble = "hikae-agent"
)

// cacheDirs are where pushed binaries lie: the first that can be made and that
// allows programs to run.
func cacheDirs() []string {
	return []string{"/var/cache/hikae", "/var/lib/hikae/bin", "/root/.cache/hikae"}
}
