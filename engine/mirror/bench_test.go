package mirror

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// files is how many the trees of the benchmarks have, in directories of 100.
const files = 20_000

func fill(b *testing.B, s *sides) {
	b.Helper()
	for i := range files {
		dir := fmt.Sprintf("%s/%03d/%02d", s.src.Path(root), i/1000, i/100%10)
		if i%100 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(fmt.Sprintf("%s/file%02d", dir, i%100), fmt.Appendf(nil, "%0*d", 200+i%2000, i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCopy is the first copy of a tree, BenchmarkAudit the comparison of
// two equal ones: both sides and the controller on one machine, as rsync is
// beside them.
func BenchmarkCopy(b *testing.B) {
	s := newSides(b, nil)
	fill(b, s)
	b.ResetTimer()
	defer cpu(b)()
	for range b.N {
		b.StopTimer()
		_ = os.RemoveAll(s.dst.Path(root))
		_ = os.RemoveAll(s.dst.Path("/srv/.hikae-versions"))
		_ = os.RemoveAll(s.dst.Path(knownDir))
		b.StartTimer()
		if err := s.audit(); err != nil {
			b.Fatal(err)
		}
	}
}

const knownDir = "/var/lib/hikae"

func BenchmarkCopyByRsync(b *testing.B) {
	s := newSides(b, nil)
	fill(b, s)
	b.ResetTimer()
	defer cpu(b)()
	for range b.N {
		b.StopTimer()
		_ = os.RemoveAll(s.dst.Path(root))
		b.StartTimer()
		rsync(b, s)
	}
}

func rsync(b *testing.B, s *sides) {
	if out, err := exec.Command("rsync", "-aAXH", "--delete", s.src.Path(root)+"/", s.dst.Path(root)+"/").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

func BenchmarkAudit(b *testing.B) {
	s := newSides(b, nil)
	fill(b, s)
	if err := s.audit(); err != nil {
		b.Fatal(err)
	}
	p, err := s.m.open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer p.close()
	b.ResetTimer()
	defer cpu(b)()
	for range b.N {
		if err := p.audit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuditByRsync(b *testing.B) {
	s := newSides(b, nil)
	fill(b, s)
	rsync(b, s)
	b.ResetTimer()
	defer cpu(b)()
	for range b.N {
		rsync(b, s)
	}
}

// cpu reports the processors' time too: of this process and those that it ran.
func cpu(b *testing.B) func() {
	now := func() (ns int64) {
		for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
			var u unix.Rusage
			if err := unix.Getrusage(who, &u); err != nil {
				b.Fatal(err)
			}
			ns += u.Utime.Nano() + u.Stime.Nano()
		}
		return ns
	}
	from := now()
	return func() { b.ReportMetric(float64(now()-from)/1e6/float64(b.N), "cpu-ms/op") }
}
