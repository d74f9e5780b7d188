package firewalld

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hikae/engine"
)

// check says what firewalld would refuse of a rule, which it then passes over:
// check of firewall/core/rich.py.
func (r *rule) check() error {
	for _, check := range []func() error{r.checkWhole, r.checkElement, r.checkParts} {
		if err := check(); err != nil {
			return err
		}
	}
	for _, part := range []int{partSource, partDestination} {
		if c := r.parts[part]; c != nil {
			if err := r.checkEnd(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// alone are elements that do something without an action, and take none.
var alone = []string{"icmp-block", "forward-port", "masquerade", "tcp-mss-clamp"}

func (r *rule) checkWhole() error {
	source, destination, element := r.parts[partSource], r.parts[partDestination], r.parts[partElement]
	log, audit, action := r.parts[partLog], r.parts[partAudit], r.parts[partAction]
	isAlone := element != nil && slices.Contains(alone, element.name)
	switch {
	case r.family == "" && (source != nil && source.attrs["address"] != "" || destination != nil || element != nil && element.name == "forward-port"):
		return errors.New("a rule with an address, a destination or a forwarded port wants its family, ipv4 or ipv6")
	case element == nil && (log == nil || r.priority == 0) && action == nil:
		return errors.New("a rule has an element or an action")
	case element == nil && (log == nil || r.priority == 0) && source == nil && destination == nil && r.priority == 0:
		return errors.New("a rule for everything wants a priority")
	case !isAlone && log == nil && audit == nil && action == nil:
		return errors.New("the rule does nothing: it wants an action, a log or an audit")
	case isAlone && action != nil:
		return fmt.Errorf("%s goes with no action", element.name)
	case audit != nil && (action == nil || action.name == "mark"):
		return errors.New("an audit goes with accept, reject or drop")
	case element != nil && element.name == "masquerade" && source != nil && source.attrs["mac"] != "":
		return errors.New("masquerade goes with no MAC address")
	}
	return nil
}

func (r *rule) checkElement() error {
	c := r.parts[partElement]
	if c == nil {
		return nil
	}
	switch c.name {
	case "port", "source-port", "forward-port":
		if err := checkPort(c.attrs["port"]); err != nil {
			return err
		}
		if err := checkProtocol(c.attrs["protocol"]); err != nil {
			return err
		}
	case "tcp-mss-clamp":
		v := c.attrs["value"]
		if n, err := strconv.Atoi(v); v != "" && v != "pmtu" && (err != nil || n < 536) {
			return errors.New("tcp-mss-clamp is pmtu, or a size of 536 at least")
		}
	}
	if c.name != "forward-port" {
		return nil
	}
	port, addr := c.attrs["to-port"], c.attrs["to-addr"]
	if port == "" && addr == "" {
		return errors.New("a forwarded port wants to-port, to-addr or both")
	}
	if ip, err := netip.ParseAddr(addr); addr != "" && (err != nil || ip.Is4() != (r.family == "ipv4")) {
		return fmt.Errorf("to-addr is an address of %s", r.family)
	}
	if port == "" {
		return nil
	}
	return checkPort(port)
}

var (
	limitForm = engine.Form(`^[0-9]+/[smhd]$`)
	markForm  = engine.Form(`^(0[xX][0-9a-fA-F]+|[0-9]+)(/(0[xX][0-9a-fA-F]+|[0-9]+))?$`)
	levels    = []string{"", "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}
)

func (r *rule) checkParts() error {
	for _, c := range r.parts {
		if c == nil {
			continue
		}
		rate := c.limit["value"]
		switch {
		case c.limit != nil && (!limitForm().MatchString(rate) || strings.HasPrefix(rate, "0/") || rate == "1/d"):
			return fmt.Errorf("%q is no limit, as 5/m is", rate)
		case len(c.attrs["prefix"]) > 127:
			return errors.New("a prefix has at most 127 bytes")
		case c.name == "log" && !slices.Contains(levels, c.attrs["level"]):
			return fmt.Errorf("%q is no level of a log", c.attrs["level"])
		case c.name == "mark" && !markForm().MatchString(c.attrs["set"]):
			return fmt.Errorf("%q is no mark", c.attrs["set"])
		case c.name == "reject" && c.attrs["type"] != "" && !slices.Contains(rejects[r.family], c.attrs["type"]):
			return fmt.Errorf("%q is no way to reject, with family ipv4 or ipv6 set", c.attrs["type"])
		}
		for _, a := range []string{"group", "queue-size"} {
			if _, err := strconv.ParseUint(c.attrs[a], 10, 16); c.attrs[a] != "" && err != nil {
				return fmt.Errorf("%s is a number up to 65535", a)
			}
		}
	}
	return nil
}

// rejects are the types of reject of each family.
var rejects = map[string][]string{
	"ipv4": strings.Fields("icmp-host-prohibited host-prohib icmp-net-unreachable net-unreach icmp-host-unreachable host-unreach icmp-port-unreachable port-unreach icmp-proto-unreachable proto-unreach icmp-net-prohibited net-prohib tcp-reset tcp-rst icmp-admin-prohibited admin-prohib"),
	"ipv6": strings.Fields("icmp6-adm-prohibited adm-prohibited icmp6-no-route no-route icmp6-addr-unreachable addr-unreach icmp6-port-unreachable port-unreach tcp-reset"),
}

// checkEnd looks at a source or destination.
func (r *rule) checkEnd(c *clause) error {
	if mac := c.attrs["mac"]; mac != "" {
		if hw, err := net.ParseMAC(mac); err != nil || len(hw) != 6 || !strings.Contains(mac, ":") {
			return fmt.Errorf("%q is no MAC address", mac)
		}
	}
	addr := c.attrs["address"]
	if addr == "" {
		return nil
	}
	if err := checkNetwork(addr); err != nil {
		return err
	}
	if strings.Contains(addr, ":") != (r.family == "ipv6") {
		return fmt.Errorf("%s is no address of %s", addr, r.family)
	}
	return nil
}
