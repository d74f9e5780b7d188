package control

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// span is when a hold ends that was said to last for so long: by the clock that counts
// from the boot on (clock_gettime(2), CLOCK_BOOTTIME), which nobody sets. After another
// boot, or on another host, there is only the wall clock to go by.
type span struct {
	Boot string        `json:"boot"` // random(4), boot_id
	End  time.Duration `json:"end"`  // since then, in nanoseconds
}

// spanOf begins now; nil where the kernel does not tell.
func spanOf(lasts time.Duration) *span {
	boot, up, ok := uptime()
	if !ok {
		return nil
	}
	return &span{Boot: boot, End: up + lasts}
}

// left is how much of it is; ok is false where it is not to be gone by.
func (s *span) left() (left time.Duration, ok bool) {
	boot, up, ok := uptime()
	if s == nil || !ok || boot != s.Boot {
		return 0, false
	}
	return s.End - up, true
}

// uptime is for how long the host is up, and the name of its boot.
func uptime() (boot string, up time.Duration, ok bool) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var now unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return "", 0, false
	}
	return strings.TrimSpace(string(id)), time.Duration(now.Nano()), true
}
