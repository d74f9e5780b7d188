package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/pkg/sftp"
)

// push uploads the program for machine and starts it.
func (c *Conn) push(ctx context.Context, machine string) (outcome, error) {
	bin, err := c.opts.Binaries.forMachine(machine)
	if err != nil {
		return outcome{}, &StartError{Target: c.target.String(), What: err.Error()}
	}
	uploaded, err := c.upload(ctx, bin)
	if err != nil {
		return outcome{}, &StartError{
			Target: c.target.String(), What: err.Error(), Fix: "does sshd there offer SFTP? Otherwise install the hikae package there",
		}
	}
	out, err := c.start(ctx, installScript(uploaded, bin.hash), false, installTimeout)
	if err == nil && out.machine != "" {
		err = fmt.Errorf("cannot start the agent on %s: it is not there after it was put there", c.target)
	}
	return out, err
}

// upload puts a program where the login may write. It returns its path there.
func (c *Conn) upload(ctx context.Context, bin binary) (string, error) {
	f, err := c.SFTP(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // what was written is checked by its hash
	defer context.AfterFunc(ctx, func() { _ = f.Close() })()

	src, err := os.Open(bin.path)
	if err != nil {
		return "", fmt.Errorf("cannot read program: %w", err)
	}
	defer func() { _ = src.Close() }() // only read
	home, err := f.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the home directory by SFTP: %w", err)
	}
	var errs []error
	for _, dir := range []string{home, "/var/tmp", "/tmp"} {
		to := path.Join(dir, ".hikae-push-"+rand.Text())
		if strings.ContainsAny(to, "'\"\\!$`\n") {
			continue // the shell between would not leave it as it is
		}
		err := send(f, src, to)
		if err == nil {
			c.opts.Log.Info("hikae was copied to the host", "host", c.target.Host, "sha256", bin.hash)
			return to, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", dir, err))
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
	}
	return "", fmt.Errorf("cannot copy hikae there: %w", errors.Join(errs...))
}

// send writes src to a new file that only its owner can read.
func send(f *sftp.Client, src *os.File, to string) error {
	if _, err := src.Seek(0, 0); err != nil {
		return err
	}
	dst, err := f.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	err = dst.Chmod(0o600)
	if err == nil {
		_, err = dst.ReadFrom(src)
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		_ = f.Remove(to)
	}
	return err
}
