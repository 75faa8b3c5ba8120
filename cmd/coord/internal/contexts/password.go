package contexts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A Secret is a password, which prints as something else. Converted to a string it is itself.
type Secret string

// Hidden is what a secret is shown as.
const Hidden = "(hidden)"

// Format shows that there is a secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Hidden) }

// MarshalJSON shows that there is a secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(Hidden) }

// maxPassword is the longest password in a file.
const maxPassword = 64 << 10

// PasswordFrom says where the context's password comes from, or nothing if it has none.
func (c Context) PasswordFrom() string {
	switch {
	case c.PasswordFile != "":
		return "file " + c.PasswordFile
	case c.PasswordEnvironment != "":
		return "variable " + c.PasswordEnvironment
	case c.Password != "":
		return "in the file of contexts"
	}
	return ""
}

// GetPassword returns the password, or none, from where it comes from; lookup reads the environment. A file's last line end is no part of
// it. exposed names a file that holds it and that everybody can read; a group may, as it has to where services are handed theirs.
func (c Context) GetPassword(lookup func(string) (string, bool)) (password Secret, exposed string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("context %q: password: %w", c.Name, err)
		}
	}()
	switch {
	case c.PasswordFile != "":
		return readPassword(c.PasswordFile)
	case c.PasswordEnvironment != "":
		v, _ := lookup(c.PasswordEnvironment)
		if v == "" {
			return "", "", fmt.Errorf("the variable %s is not set", c.PasswordEnvironment)
		}
		return Secret(v), "", nil
	}
	return c.Password, "", nil
}

func readPassword(path string) (_ Secret, exposed string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	text, err := ReadSecret(file)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", path, err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		exposed = path
	}
	return text, exposed, nil
}

// ReadSecret reads all there is as a secret, without the last line end.
func ReadSecret(r io.Reader) (Secret, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPassword+1))
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case err != nil:
		return "", err
	case len(b) > maxPassword:
		return "", fmt.Errorf("more than %d bytes are no password", maxPassword)
	case text == "":
		return "", errors.New("it is empty")
	case strings.ContainsAny(text, "\n\x00"):
		return "", errors.New("it is more than one line")
	}
	return Secret(text), nil
}
