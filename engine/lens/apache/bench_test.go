package apache_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"hikae/engine/lens"
	"hikae/engine/lens/apache"
)

// large is a httpd.conf of some 10 MB, as a program might write one.
func large() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 10<<20; i++ {
		fmt.Fprintf(&b, `# Site %d
<VirtualHost *:443>
    ServerName site%d.example.org
    ServerAlias www.site%d.example.org *.site%d.example.net
    DocumentRoot "/srv/www/site%d"
    SSLEngine on
    SSLCertificateFile /etc/pki/tls/certs/site%d.crt
    CustomLog logs/site%d_log \
              "%%h %%l %%u %%t \"%%r\" %%>s %%b"
    <Directory "/srv/www/site%d">
        <IfModule mod_rewrite.c>
            RewriteCond %%{HTTPS} off
            RewriteRule ^(.*)$ https://%%{HTTP_HOST}$1 [R=301,L]
        </IfModule>
        Require all granted
    </Directory>
</VirtualHost>

`, i, i, i, i, i, i, i, i)
	}
	return b.Bytes()
}

// What is held of a large file takes less than 20 times its size, and reading and
// printing it under a second, a tenth of which is expected.
func TestLarge(t *testing.T) {
	src := large()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	f, err := apache.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	parsed := time.Since(began)
	runtime.ReadMemStats(&after) // what was allocated on the way counts too
	printed, err := f.Print()
	if err != nil || !bytes.Equal(printed, src) {
		t.Fatalf("it is printed otherwise: %v", err)
	}
	took := time.Since(began)
	ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src))
	t.Logf("%d MB: parsed in %v, parsed and printed in %v, with %.1f times its size", len(src)>>20, parsed, took, ratio)
	if ratio >= 20 {
		t.Errorf("it takes %.1f times its size", ratio)
	}
	if took > 5*time.Second { // a second on a machine that does nothing else
		t.Errorf("it takes %v", took)
	}
	runtime.KeepAlive(f)
}

// Many lines that backslashes join, and blocks within blocks, are read in time
// that grows with their size.
func TestLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"joined lines": "A b \\\n", "words": "a ", "blocks": "<IfModule a>\n", "backslashes": `\\`, "unclosed in a macro": "<A>\n", "quotes": `"a" `,
	} {
		read := func(n int) time.Duration {
			src := bytes.Repeat([]byte(unit), n)
			if name == "unclosed in a macro" {
				src = append([]byte("<Macro a>\n"), src...)
			}
			best := time.Hour
			for range 3 {
				began := time.Now()
				_, _ = apache.Parse(src)
				best = min(best, time.Since(began))
			}
			return best
		}
		const n = 9000 // deeper, blocks are refused
		if small, big := read(n/8), read(n); big > 40*small+20*time.Millisecond {
			t.Errorf("%s: %v, and %v for eight times as much", name, small, big)
		}
	}
}

var sink *lens.File

func BenchmarkRead(b *testing.B) {
	src := large()
	name := filepath.Join(b.TempDir(), "httpd.conf")
	if err := os.WriteFile(name, src, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := os.ReadFile(name); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	src := large()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if sink, err = apache.Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAndPrint(b *testing.B) {
	src := large()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := apache.Parse(src)
		if err == nil {
			_, err = f.Print()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
