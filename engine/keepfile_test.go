package engine_test

import (
	"strings"
	"testing"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/apache"
	"hikae/engine/lens/braces"
	"hikae/engine/lens/postfix"
	"hikae/engine/lens/redis"
)

func namedGrammar() lens.Grammar {
	return lens.Grammar{Name: "named", Parse: func(src []byte) (*lens.File, error) { return braces.Parse(src, &braces.Named) }}
}

func redisGrammar() lens.Grammar {
	return lens.Grammar{Name: "redis", Parse: redis.Parse, Fold: strings.ToLower}
}

func TestKeepFile(t *testing.T) {
	for _, c := range []struct {
		name            string
		grammar         lens.Grammar
		keys            string
		wish, own, want string
		kept            string // "key=here<source", parted by ;
	}{
		{"replaced, where the source has it", lens.Words(), "ListenAddress",
			"Port 22\nListenAddress 192.0.2.1 # lan\nX11 no\n", "listenaddress 192.0.2.2\n",
			"Port 22\nlistenaddress 192.0.2.2\nX11 no\n", "ListenAddress=192.0.2.2<192.0.2.1 # lan"},
		{"logical lines of Postfix", postfix.Main(), "mynetworks myhostname",
			"mynetworks = 127.0.0.0/8,\n  192.0.2.1\nbiff = no\n", "mynetworks = 127.0.0.0/8\n# lan\n  192.0.2.2\nmyhostname =\n  x\n",
			"myhostname =\n  x\nmynetworks = 127.0.0.0/8\n# lan\n  192.0.2.2\nbiff = no\n", "myhostname=x<; mynetworks=127.0.0.0/8 # lan 192.0.2.2<127.0.0.0/8, 192.0.2.1"},
		{"the same is nothing", lens.Words(), "ListenAddress", "ListenAddress a\n", "ListenAddress  a\n", "ListenAddress a\n", ""},
		{"more than the source has", lens.Words(), "ListenAddress", "ListenAddress a\nX no\n", "ListenAddress b\nListenAddress c\n",
			"ListenAddress b\nListenAddress c\nX no\n", "ListenAddress=b, c<a"},
		{"fewer", lens.Words(), "ListenAddress", "ListenAddress a\nListenAddress b\nX no\n", "ListenAddress c\n",
			"ListenAddress c\nX no\n", "ListenAddress=c<a, b"},
		{"only the source has it", lens.Words(), "ListenAddress", "# lan\nListenAddress a\nX no\n", "X yes\n", "# lan\nX no\n", "ListenAddress=<a"},
		{"only the host has it, behind what it follows", lens.Words(), "ListenAddress", "Port 22\nX no\nMatch all\n", "Port 22\nListenAddress b\nX yes\n",
			"Port 22\nListenAddress b\nX no\nMatch all\n", "ListenAddress=b<"},
		{"or else first", lens.Words(), "ListenAddress", "# c\nX no\nMatch all\n", "Port 2\nListenAddress b\n", "# c\nListenAddress b\nX no\nMatch all\n", "ListenAddress=b<"},
		{"in an empty file", lens.Words(), "ListenAddress", "", "ListenAddress b\n", "ListenAddress b\n", "ListenAddress=b<"},
		{"redis", redisGrammar(), "bind maxmemory replicaof", "bind 192.0.2.1 ::1\nport 6379\nmaxmemory 8gb\n", "bind 192.0.2.2\nport 1\nmaxmemory 1gb\nreplicaof 192.0.2.1 6379\n",
			"bind 192.0.2.2\nport 6379\nmaxmemory 1gb\nreplicaof 192.0.2.1 6379\n", "bind=192.0.2.2<192.0.2.1 ::1; maxmemory=1gb<8gb; replicaof=192.0.2.1 6379<"},
		{"in blocks", namedGrammar(), "options.listen-on zone.also-notify",
			"options {\n\tlisten-on { 192.0.2.1; };\n\tdirectory \"/var/named\";\n};\nzone \"a\" { type master; also-notify { 1.1.1.1; }; };\nzone \"b\" { type master; also-notify { 1.1.1.1; }; };\n",
			"options {\n  listen-on port 53 {\n    192.0.2.2;\n  };\n};\nzone \"a\" { type slave; };\n",
			"options {\n\tlisten-on port 53 {\n    192.0.2.2;\n  };\n\tdirectory \"/var/named\";\n};\nzone \"a\" { type master; };\nzone \"b\" { type master; also-notify { 1.1.1.1; }; };\n",
			`options.listen-on=port 53 { 192.0.2.2; }<{ 192.0.2.1; }; zone "a".also-notify=<{ 1.1.1.1; }`},
		{"a block that is the host's own is made where the key names it", namedGrammar(), "options.listen-on", "zone \"a\" { type master; };\n", "options { listen-on { 192.0.2.2; }; };\n",
			"zone \"a\" { type master; };\noptions {\n    listen-on { 192.0.2.2; };\n};\n", "options.listen-on={ 192.0.2.2; }<"},
		{"what is gone from the source is not brought back", namedGrammar(), "*.also-notify", "options { };\n", "zone \"a\" { also-notify { 1.1.1.1; }; };\n", "options { };\n", ""},
		{"httpd", apache.Grammar(), "Listen *.MaxRequestWorkers",
			"Listen 192.0.2.1:80\nListen 192.0.2.1:443 https\n<IfModule mpm_event_module>\n    MaxRequestWorkers 4000\n</IfModule>\n",
			"LISTEN 192.0.2.2:80\n<IfModule mpm_event_module>\n  # none\n</IfModule>\n",
			"LISTEN 192.0.2.2:80\n<IfModule mpm_event_module>\n</IfModule>\n",
			"IfModule mpm_event_module.MaxRequestWorkers=<4000; Listen=192.0.2.2:80<192.0.2.1:80, 192.0.2.1:443 https"},
		{"the addresses of virtual hosts", apache.Grammar(), "VirtualHost *.VirtualHost",
			"<VirtualHost 192.0.2.1:80 [::1]:80>\n  ServerName a\n  ServerAdmin x\n</VirtualHost>\n<VirtualHost 192.0.2.1:80>\n  ServerName b\n</VirtualHost>\n<IfModule mod_ssl.c>\n<VirtualHost 192.0.2.1:443>\nServerName a\n</VirtualHost>\n</IfModule>\n",
			"<VirtualHost 192.0.2.2:80>\n  ServerName a\n</VirtualHost>\n<IfModule mod_ssl.c>\n<VirtualHost 192.0.2.2:443>\nServerName A\n</VirtualHost>\n</IfModule>\n<VirtualHost 192.0.2.2:80>\n  ServerName c\n</VirtualHost>\n",
			"<VirtualHost 192.0.2.2:80>\n  ServerName a\n  ServerAdmin x\n</VirtualHost>\n<VirtualHost 192.0.2.1:80>\n  ServerName b\n</VirtualHost>\n<IfModule mod_ssl.c>\n<VirtualHost 192.0.2.2:443>\nServerName a\n</VirtualHost>\n</IfModule>\n",
			"IfModule mod_ssl.c.VirtualHost a:443=192.0.2.2:443<192.0.2.1:443; VirtualHost a:80=192.0.2.2:80<192.0.2.1:80 [::1]:80"},
	} {
		got, kept, err := engine.KeepFile(c.grammar, []byte(c.wish), []byte(c.own), strings.Fields(c.keys)...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var told []string
		for _, k := range kept {
			told = append(told, k.Key+"="+k.Here+"<"+k.Source)
		}
		if string(got) != c.want || strings.Join(told, "; ") != c.kept {
			t.Errorf("%s: it is\n%s(%s)\nwant\n%s(%s)", c.name, got, strings.Join(told, "; "), c.want, c.kept)
		}
		again, kept, err := engine.KeepFile(c.grammar, got, got, strings.Fields(c.keys)...)
		if err != nil || string(again) != string(got) || len(kept) > 0 {
			t.Errorf("%s: kept twice it is\n%s %v %v", c.name, again, kept, err)
		}
	}
}
