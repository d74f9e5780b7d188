package account

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// splitPassword takes a password field of shadow(5) apart: the hash, if it
// holds one, and whether no password opens the account.
func splitPassword(field string) (hash string, locked bool) {
	rest := strings.TrimLeft(field, "!")
	if !isHash(rest) {
		return "", field != ""
	}
	return rest, rest != field
}

// isHash tells the result of crypt(3) from the marks for no password: DES has
// 13 characters, all others begin with $ (crypt(5)); BSDi's begins with _.
func isHash(s string) bool {
	return strings.HasPrefix(s, "$") && len(s) > 3 || strings.HasPrefix(s, "_") && len(s) == 20 ||
		len(s) == 13 && !strings.ContainsAny(s, "*!x ")
}

// joinPassword is the inverse. A field that already says so stays as it is.
func joinPassword(hash string, locked bool, present string) string {
	if h, l := splitPassword(present); h == hash && l == locked {
		return present
	}
	switch {
	case hash == "" && locked:
		return "!!"
	case locked:
		return "!" + hash
	}
	return hash
}

// never is a date that is not set.
const never = "never"

const (
	dateLayout = "2006-01-02"
	day        = 24 * time.Hour
	maxDays    = 2932896 // 9999-12-31
)

// formatDate turns shadow's days since 1970 into a date. False: not readable.
func formatDate(field string) (string, bool) {
	if field == "" {
		return never, true
	}
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil || n < 0 || n > maxDays {
		return "", false
	}
	return time.Unix(n*int64(day/time.Second), 0).UTC().Format(dateLayout), true
}

// parseDate is the inverse.
func parseDate(s string) (string, error) {
	if s == never {
		return "", nil
	}
	t, err := time.Parse(dateLayout, s)
	if err != nil || t.Unix() < 0 {
		return "", fmt.Errorf("cannot read date %q: want year-month-day as in 2030-12-31, or %q", s, never)
	}
	return strconv.FormatInt(t.Unix()/int64(day/time.Second), 10), nil
}

// formatDays reads a number of days; -1 is a limit that is not set.
func formatDays(field string) (int64, bool) {
	if field == "" {
		return -1, true
	}
	n, err := strconv.ParseInt(field, 10, 32)
	return n, err == nil && n >= -1
}

// parseDays is the inverse.
func parseDays(n int64) string {
	if n < 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
