package contexts

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// at is an error with its place.
func (f *File) at(n *yaml.Node, format string, args ...any) error {
	if f.placeless {
		return fmt.Errorf(format, args...)
	}
	return fmt.Errorf("%s:%d: %w", f.Path, n.Line, fmt.Errorf(format, args...))
}

// fields calls each with the names and values of a mapping; none may be there twice. A mapping without anything is null in YAML.
func (f *File) fields(n *yaml.Node, what string, each func(name string, key, value *yaml.Node) error) error {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return f.at(n, "%s: names with values are wanted here", what)
	}
	seen := make(map[string]bool)
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return f.at(key, "%s: a name is wanted here", what)
		}
		if seen[key.Value] {
			return f.at(key, "%s: %q is there twice", what, key.Value)
		}
		seen[key.Value] = true
		if err := each(key.Value, key, value); err != nil {
			return err
		}
	}
	return nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func (f *File) root(n *yaml.Node) error {
	err := f.fields(n, "the file", func(name string, key, value *yaml.Node) error {
		switch name {
		case "current":
			if value.Kind != yaml.ScalarNode {
				return f.at(value, "current: the name of a context is wanted here")
			}
			if !isNull(value) {
				f.Current = value.Value
			}
			return nil
		case "contexts":
			return f.fields(value, "contexts", f.context)
		}
		return f.at(key, "unknown setting %q: the file has current and contexts", name)
	})
	slices.SortFunc(f.Contexts, func(a, b Context) int { return cmp.Compare(a.Name, b.Name) })
	return err
}

// ValidateName tells whether a context can have that name.
func ValidateName(name string) error {
	switch {
	case name == None:
		return fmt.Errorf("%q asks for no context, and cannot be the name of one", name)
	case len(name) > 255 || !wellFormed(name):
		return fmt.Errorf("%q cannot be the name of a context: it is made of letters, digits and _ . @ : / -, and begins with a letter, "+
			"a digit or _", name)
	}
	return nil
}

func wellFormed(name string) bool {
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && (i == 0 || !strings.ContainsRune(".@:/-", r)) {
			return false
		}
	}
	return name != "" && utf8.ValidString(name)
}

// context takes in one context.
func (f *File) context(name string, key, value *yaml.Node) error {
	if err := ValidateName(name); err != nil {
		return f.at(key, "%w", err)
	}
	c := Context{Name: name}
	what := fmt.Sprintf("context %q", name)
	var secrets []string
	err := f.fields(value, what, func(setting string, at, v *yaml.Node) error {
		if err := f.set(&c, setting, v); err != nil {
			return f.at(v, "%s: %s: %w", what, setting, err)
		}
		if strings.HasPrefix(setting, "password") && !isNull(v) {
			if secrets = append(secrets, setting); len(secrets) > 1 {
				return f.at(at, "%s: %s and %s are two places for one password", what, secrets[0], secrets[1])
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(c.Endpoints) == 0:
		return f.at(key, "%s has no endpoints", what)
	case (c.Cert == "") != (c.Key == ""):
		return f.at(key, "%s: cert and key go together, one of them is not set", what)
	case len(secrets) > 0 && c.User == "":
		return f.at(key, "%s has a %s and no user", what, secrets[0])
	}
	f.Contexts = append(f.Contexts, c)
	return nil
}

// set takes in one setting of a context. Its errors do not tell a password.
func (f *File) set(c *Context, setting string, v *yaml.Node) (err error) {
	if setting == "endpoints" {
		c.Endpoints, err = endpoints(v)
		return err
	}
	text := map[string]*string{
		"cacert": &c.CACert, "cert": &c.Cert, "key": &c.Key, "server-name": &c.ServerName, "user": &c.User,
		"password": (*string)(&c.Password), "password-file": &c.PasswordFile, "password-env": &c.PasswordEnvironment,
		"insecure-skip-tls-verify": nil, "dial-timeout": nil,
	}
	to, known := text[setting]
	switch {
	case !known:
		return errors.New("no such setting")
	case v.Kind == yaml.AliasNode, v.Anchor != "", v.Style&yaml.TaggedStyle != 0:
		return errors.New(quoteIt)
	case v.Kind != yaml.ScalarNode:
		return errors.New("one value is wanted here")
	case isNull(v):
		return nil
	}
	switch setting {
	case "cacert", "cert", "key", "password-file":
		*to = f.path(v.Value)
	case "insecure-skip-tls-verify":
		if c.InsecureSkipVerify, err = strconv.ParseBool(v.Value); err != nil {
			return fmt.Errorf("%q is neither true nor false", v.Value)
		}
	case "dial-timeout":
		if c.DialTimeout, err = time.ParseDuration(v.Value); err != nil || c.DialTimeout <= 0 {
			return fmt.Errorf("%q is no positive duration such as 2s", v.Value)
		}
	case "user":
		if strings.Contains(v.Value, ":") {
			return errors.New("it is a name only: the password has a setting of its own")
		}
		*to = v.Value
	default:
		*to = strings.TrimSuffix(v.Value, "\n") // of a value that is a block
	}
	return nil
}

// endpoints takes a list, or a text as flags and variables have it.
func endpoints(v *yaml.Node) ([]string, error) {
	var list []string
	switch {
	case isNull(v):
		return nil, nil
	case v.Kind == yaml.ScalarNode:
		list = strings.Split(v.Value, ",")
	case v.Kind == yaml.SequenceNode:
		for _, n := range v.Content {
			if n.Kind != yaml.ScalarNode {
				return nil, errors.New("a list of addresses is wanted here")
			}
			list = append(list, n.Value)
		}
	default:
		return nil, errors.New("a list of addresses is wanted here")
	}
	for i := range list {
		switch list[i] = strings.TrimSpace(list[i]); {
		case list[i] == "":
			return nil, errors.New("an address is empty")
		case HasLogin(list[i]):
			return nil, ErrLogin
		}
	}
	return list, nil
}

// ErrLogin says that an address has a user name in it, without showing it: a password may follow.
var ErrLogin = errors.New("an address has no user and password in it: they are settings of their own")

// HasLogin says whether an address has a user name in it, as URLs may.
func HasLogin(address string) bool {
	return strings.Contains(address, "@") && !strings.HasPrefix(address, "unix")
}

// path makes the name of a file absolute.
func (f *File) path(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && f.home != "" {
		return filepath.Join(f.home, rest)
	}
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(f.Path), name)
}
