//go:build !linux

package rpmdb

func (s *FileStamp) fromSys(any) {}
