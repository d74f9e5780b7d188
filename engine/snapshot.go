package engine

import (
	"time"

	"hikae/hosts"
)

// Snapshot is what a host was when it was read.
type Snapshot struct {
	Host  string // its name in the project
	Taken time.Time
	Facts hosts.Facts
	// Version is that of the hikae that took it, "" where it did not say.
	Version string
	// Resources in the order of their addresses. Pristine files are among
	// them (Resource.IsPristine): their bytes are what a follower may need.
	Resources []Resource
	Coverage  map[string]Coverage // by kind
}
