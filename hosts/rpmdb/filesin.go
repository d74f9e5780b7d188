package rpmdb

import (
	"fmt"
	"path"
	"slices"
)

// FilesIn returns those of the package's files that lie in the directories that keep is true of, in the order of Files. A
// directory is given as the header has it, with a slash at its end. What lies elsewhere costs next to nothing, which most
// files of a host do.
func (p *Package) FilesIn(keep func(dir string) bool) ([]File, error) {
	files, err := p.filesIn(keep)
	if err != nil {
		return nil, fmt.Errorf("cannot read the files of %s: %w", p.NEVRA(), err)
	}
	return files, nil
}

func (p *Package) filesIn(keep func(dir string) bool) ([]File, error) {
	bases, err := p.header.strs(tagBaseNames)
	if err != nil {
		return nil, err
	}
	if bases.len() == 0 { // none, or a package built by rpm 3, which has whole paths
		files, err := p.files()
		return slices.DeleteFunc(files, func(f File) bool {
			dir, _ := path.Split(f.Path)
			return !keep(dir)
		}), err
	}
	dirs, indexes, err := p.header.dirs(bases.len())
	if err != nil {
		return nil, err
	}
	kept := make([]bool, len(dirs))
	for i, dir := range dirs {
		kept[i] = keep(dir)
	}
	if !slices.Contains(kept, true) {
		return nil, nil
	}
	a, err := p.header.fileArrays(bases.len())
	if err != nil {
		return nil, err
	}
	many, size := 0, 0
	for i := range bases.len() {
		if dir := indexes.at(i); uint64(dir) < uint64(len(dirs)) && kept[dir] {
			many++
		}
	}
	files := make([]File, 0, many)
	for i := range bases.len() {
		base, err := bases.next()
		if err != nil {
			return nil, err
		}
		dir := indexes.at(i)
		if uint64(dir) >= uint64(len(dirs)) {
			return nil, dirIndexError(i, dir, len(dirs))
		}
		if !kept[dir] {
			if err := a.skip(); err != nil {
				return nil, err
			}
			continue
		}
		if size += len(dirs[dir]) + len(base); size > maxPathBytes {
			return nil, errPaths
		}
		f := File{Path: dirs[dir] + base}
		if err := a.fill(&f, i); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// dirs returns the directories of a package's n files, and which of them each is in.
func (h header) dirs(n int) ([]string, uint32Array, error) {
	names, err := h.strs(tagDirNames)
	if err != nil {
		return nil, "", err
	}
	dirs, err := names.all()
	if err != nil {
		return nil, "", err
	}
	indexes, err := h.uint32s(tagDirIndexes)
	if err != nil {
		return nil, "", err
	}
	if indexes.len() != n {
		return nil, "", fmt.Errorf("%d base names, but %d directories of them", n, indexes.len())
	}
	return dirs, indexes, nil
}

func dirIndexError(file int, dir uint32, dirs int) error {
	return fmt.Errorf("file %d is in directory %d of %d", file, dir, dirs)
}
