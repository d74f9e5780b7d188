package lens

// Grammar is how one sort of file is read.
type Grammar struct {
	Name string // as the daemon is called: "httpd", "postfix-main"
	// Files are patterns of the paths at which such files lie on a host, beyond
	// those that others include.
	Files []string
	// Place is the path at which a lens would find a file of that name if it
	// were the only one on a host.
	Place func(name string) string
	// Parse reads a file. It keeps src, which must not change. What the daemon's
	// own parser refuses is a *SyntaxError; a directive that it does not know is
	// none, since a module may bring it.
	Parse func(src []byte) (*File, error)
	// Comments are what begins a comment up to the end of its line; "/*" is one
	// up to "*/", and "<!--" up to "-->".
	Comments []string
	// Joined: a backslash before the end of a line joins the next one to it,
	// comments too.
	Joined bool
	// Fold makes two spellings of a name one; nil where there is but one.
	Fold func(name string) string
	// Called is what a block is called by, where its words may differ from host to
	// host and are no name: a virtual host of httpd opens with its addresses and is
	// called by its ServerName. "" where its words are its name; nil where that is
	// so of all.
	Called func(f *File, block *Node) string
}
