package inotify

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	direntLength = unsafe.Offsetof(unix.Dirent{}.Reclen)
	direntKind   = unsafe.Offsetof(unix.Dirent{}.Type)
	direntName   = unsafe.Offsetof(unix.Dirent{}.Name)
)

// direntries calls fn for each entry that getdents64(2) gave, but "." and "..".
func direntries(buf []byte, fn func(name []byte, kind byte)) {
	for len(buf) > int(direntName) {
		size := int(binary.NativeEndian.Uint16(buf[direntLength:]))
		if size <= int(direntName) || size > len(buf) {
			return
		}
		name := buf[direntName:size]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if s := string(name); s != "." && s != ".." && s != "" {
			fn(name, buf[direntKind])
		}
		buf = buf[size:]
	}
}
