package packages

import "hikae/engine"

// request is what driver.py is told; its comment has the same names.
type request struct {
	Events      string        `json:"events"`
	Log         string        `json:"log"`
	LockWait    int           `json:"lock_wait"`   // seconds
	InstallRoot string        `json:"installroot"` // "": the host's own root
	Download    string        `json:"download"`    // a directory: only fetch install there
	Install     []requestItem `json:"install"`
	Remove      []requestItem `json:"remove"`
	Mark        []requestItem `json:"mark"` // change only whether they are there on purpose
	// Repair: what is installed is installed again, or goes, in just that version.
	Reinstall []requestItem `json:"reinstall"`
	Drop      []requestItem `json:"drop"`
	// Streams of modules to set; then there is nothing else.
	Streams []requestStream `json:"streams"`
}

// requestStream is a module to be set to a stream, disabled, or, where neither
// is said, as if nobody had ever asked.
type requestStream struct {
	Name     string   `json:"name"`
	Stream   string   `json:"stream"`
	Disabled bool     `json:"disabled"`
	Profiles []string `json:"profiles"`
}

type requestItem struct {
	Name    string `json:"name"`
	Arch    string `json:"arch"` // "": the host's own or noarch
	Epoch   uint32 `json:"epoch"`
	Version string `json:"version"` // "": any
	Release string `json:"release"`
	Exact   bool   `json:"exact"`
	File    string `json:"file"`  // the path of an rpm file, "" for a repository's
	Asked   *bool  `json:"asked"` // null: as dnf sees it

	addr engine.Addr
}

// newRequest leaves out of the wishes what is so already.
func newRequest(ws []wish, now installed) request {
	r := emptyRequest()
	for _, w := range ws {
		switch {
		case w.remove:
			for _, v := range now.find(w) {
				r.Remove = append(r.Remove, requestItem{Name: w.name, Arch: v.Arch, addr: w.addr})
			}
		case now.has(w) && (w.file == nil || w.version != nil):
			if w.remark {
				r.Mark = append(r.Mark, w.item())
			}
		default:
			r.Install = append(r.Install, w.item())
		}
	}
	return r
}

func emptyRequest() request {
	return request{Install: []requestItem{}, Remove: []requestItem{}, Mark: []requestItem{}, Streams: []requestStream{}}
}

func (r request) empty() bool {
	return len(r.Install)+len(r.Remove)+len(r.Mark)+len(r.Reinstall)+len(r.Drop) == 0
}

func (w wish) item() requestItem {
	it := requestItem{Name: w.name, Arch: w.requestArch(), Exact: w.exact, Asked: w.asked, addr: w.addr}
	if w.version != nil {
		it.Epoch, it.Version, it.Release = w.version.Epoch, w.version.Version, w.version.Release
	}
	return it
}

func (w wish) requestArch() string {
	if w.version != nil {
		return w.version.Arch
	}
	return w.arch
}
