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
	// Resources in the order of their addresses. Pristine files are among
	// them (Resource.IsPristine): their bytes are what a follower may need.
	Resources []Resource
	Coverage  map[string]Coverage // by kind
}
