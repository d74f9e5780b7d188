package rpmdb

import "syscall"

func (s *FileStamp) fromSys(sys any) {
	if st, ok := sys.(*syscall.Stat_t); ok {
		s.Dev, s.Ino = st.Dev, st.Ino
		s.CTime = st.Ctim.Nano()
	}
}
