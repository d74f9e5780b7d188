package httpd

// hunk is a part in which two lists differ: old[old:oldEnd] has new[new:newEnd]
// in its place.
type hunk struct{ old, oldEnd, new, newEnd int }

// maxCompare bounds how many pairs are compared; of longer lists, all between
// what they have in common at their ends is one hunk.
const maxCompare = 4 << 20

// hunks are where two lists differ, as few as can be: by the longest common
// subsequence.
func hunks(old, next []string) []hunk {
	start := 0
	for start < len(old) && start < len(next) && old[start] == next[start] {
		start++
	}
	oldEnd, newEnd := len(old), len(next)
	for oldEnd > start && newEnd > start && old[oldEnd-1] == next[newEnd-1] {
		oldEnd--
		newEnd--
	}
	a, b := old[start:oldEnd], next[start:newEnd]
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	if len(a)*len(b) > maxCompare || len(a) == 0 || len(b) == 0 {
		return []hunk{{start, oldEnd, start, newEnd}}
	}
	// common[i][j] is the length of what a[i:] and b[j:] have in common.
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var found []hunk
	h := hunk{start, start, start, start}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			if h.oldEnd > h.old || h.newEnd > h.new {
				found = append(found, h)
			}
			i, j = i+1, j+1
			h = hunk{start + i, start + i, start + j, start + j}
			continue
		}
		if j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1] {
			i++
		} else {
			j++
		}
		h.oldEnd, h.newEnd = start+i, start+j
	}
	if h.oldEnd > h.old || h.newEnd > h.new {
		found = append(found, h)
	}
	return found
}
