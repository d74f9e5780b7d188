package packages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// event is one line of what driver.py says.
type event struct {
	Event string   `json:"event"`
	Text  string   `json:"text"`
	At    int      `json:"at"` // of Of steps
	Of    int      `json:"of"`
	Name  string   `json:"name"`
	Arch  string   `json:"arch"`
	Got   string   `json:"got"`
	NEVRA string   `json:"nevra"`
	Path  string   `json:"path"`
	Kind  string   `json:"kind"` // of a failure
	Items []string `json:"items"`
	// Excluded: the wished version is there, and this host keeps it out.
	Excluded bool `json:"excluded"`
}

// The events.
const (
	eventProgress   = "progress"
	eventWaiting    = "waiting"    // for another's lock
	eventMessage    = "message"    // of a scriptlet or of rpm
	eventHeldBack   = "heldback"   // a wish that is not fulfilled; Kind says why
	eventExtra      = "extra"      // a package that no change names
	eventUnrepaired = "unrepaired" // no repository has what was to be installed again
	eventDownloaded = "downloaded" // only when downloading
	eventDone       = "done"
	eventFailed     = "failed"
)

// The kinds of failure.
const (
	failedUnavailable = "unavailable"
	failedDepsolve    = "depsolve"
	failedNoStream    = "nostream"
	failedRemoves     = "removes"
	failedSignature   = "signature"
	failedLocked      = "locked"
	failedWrongFile   = "wrongfile"
	failedNoDNF       = "nodnf"
	failedTransaction = "transaction"
)

// parseEvents reads the complete lines of b and returns how many bytes they
// are. A line that is no event is passed over: the file is the driver's own,
// and a line cut short by a power failure is worth no error.
func parseEvents(b []byte) ([]event, int) {
	var events []event
	read := 0
	for {
		n := bytes.IndexByte(b[read:], '\n')
		if n < 0 {
			return events, read
		}
		var e event
		if json.Unmarshal(b[read:read+n], &e) == nil && e.Event != "" {
			events = append(events, e)
		}
		read += n + 1
	}
}

// progress is the line for people, "" where there is nothing to say.
func (e event) progress() string {
	switch e.Event {
	case eventProgress:
		if e.Of > 0 {
			return fmt.Sprintf("%s (%d of %d)", e.Text, e.At, e.Of)
		}
		return e.Text
	case eventWaiting:
		return "waiting for another package manager: " + e.Text
	case eventHeldBack:
		return e.Name + ": " + e.heldBack()
	case eventExtra:
		return "installing " + e.NEVRA + " too, which is needed"
	}
	return ""
}

// The kinds of what is held back.
const (
	heldReplaced    = "replaced"    // another version is there or comes
	heldUnavailable = "unavailable" // nothing of its name can be had
	heldNeeded      = "needed"      // it was to go
	heldDepsolve    = "depsolve"
	heldSignature   = "signature"
)

// heldBack says why a wish is not fulfilled.
func (e event) heldBack() string {
	const lock = "a version lock or an exclude of this host keeps %s out (/etc/dnf/plugins/versionlock.list, dnf.conf)"
	switch e.Kind {
	case heldReplaced:
		if e.Excluded {
			return fmt.Sprintf(lock+": %s is taken for it", e.NEVRA, e.Got)
		}
		return fmt.Sprintf("no enabled repository of this host has %s (any more): %s is taken for it", e.NEVRA, e.Got)
	case heldUnavailable:
		if e.Excluded {
			return fmt.Sprintf(lock, e.NEVRA)
		}
		return fmt.Sprintf("no enabled repository of this host has %s", e.NEVRA)
	case heldNeeded:
		return fmt.Sprintf("kept: %s needs it, which is not to go", e.Got)
	case heldDepsolve:
		return fmt.Sprintf("%s cannot be with what is there: %s", e.NEVRA, meaningful(e.Text))
	}
	return fmt.Sprintf("%s: %s", e.NEVRA, meaningful(e.Text))
}

// remedy says what a person can do for a package, by its name in the project, that
// no repository has: one that was installed from a file is in nobody's cache.
func (e event) remedy(label string) string {
	if e.Excluded || e.Kind != heldUnavailable && e.Kind != heldReplaced {
		return ""
	}
	return fmt.Sprintf("; enable a repository that has it, or put its file in the project and name it in an overlay of this host: package %q { source = \"FILE.rpm\" }", label)
}

// maxLines bounds what an error quotes of dnf.
const maxLines = 12

// meaningful keeps the lines of dnf's text that say something, at most
// maxLines of them, on one line.
func meaningful(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(strings.TrimSpace(line), "- ")
		if line == "" {
			continue
		}
		if len(lines) == maxLines {
			lines = append(lines, "...")
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}
