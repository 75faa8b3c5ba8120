package contexts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// None is no context's name: who asks for it asks for none.
const None = "none"

// maxFile is the largest file that is read.
const maxFile = 1 << 20

// A Context is what the file says under one name.
type Context struct {
	Name                              string
	Endpoints                         []string
	CACert, Cert, Key, ServerName     string
	InsecureSkipVerify                bool
	User                              string
	Password                          Secret
	PasswordFile, PasswordEnvironment string
	DialTimeout                       time.Duration
}

// A File is what the file holds. One that is not there holds nothing.
type File struct {
	Path    string
	Current string
	// Contexts are sorted by name.
	Contexts []Context
	// Exposed says that the file holds a password, and that others than its owner can read it.
	Exposed bool

	home      string
	doc       yaml.Node
	placeless bool // errors do not tell lines: these are of a text that is not in the file
}

// Locate returns the file's name: COORD_CONFIG; else coord/config.yaml in XDG_CONFIG_HOME, which counts if it is absolute; else in
// .config of home. It is empty if there is no such directory.
func Locate(lookup func(string) (string, bool), home string) string {
	if path, _ := lookup("COORD_CONFIG"); path != "" {
		return path
	}
	dir, _ := lookup("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		if !filepath.IsAbs(home) {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "coord", "config.yaml")
}

// Read reads the file. home stands for "~/" in it.
func Read(path, home string) (*File, error) {
	f := &File{Path: path, home: home}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	if err := f.parse(text); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	holds := slices.ContainsFunc(f.Contexts, func(c Context) bool { return c.Password != "" })
	f.Exposed = holds && info.Mode().Perm()&0o044 != 0
	return f, nil
}

func (f *File) parse(text []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	err := d.Decode(&f.doc)
	if errors.Is(err, io.EOF) {
		if comments := strings.TrimSpace(string(text)); strings.HasPrefix(comments, "#") {
			f.doc.HeadComment = comments
		}
		return nil
	}
	if err == nil {
		err = d.Decode(&yaml.Node{})
		if err == nil {
			return fmt.Errorf("%s: more than one YAML document", f.Path)
		}
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:%s", f.Path, syntax(err, text))
	}
	return f.root(f.doc.Content[0])
}

// quoteIt is said of a value that YAML does not take as it was meant.
const quoteIt = "a value that begins with *, & or ! has to be quoted"

// syntax is the line and the words of an error of package yaml, without what it cites: that may be a part of a password.
func syntax(err error, text []byte) string {
	var ( // made here: that takes longer than most commands have to do before they begin
		yamlLine   = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
		quoted     = regexp.MustCompile(`'[^']*'`)
		yamlAnchor = regexp.MustCompile(`^yaml: unknown anchor '([^']*)' referenced$`)
	)
	message := strings.ReplaceAll(err.Error(), "\n", " ")
	if m := yamlAnchor.FindStringSubmatch(message); m != nil {
		before, _, _ := bytes.Cut(text, []byte("*"+m[1]))
		return fmt.Sprintf("%d: %s", 1+bytes.Count(before, []byte("\n")), quoteIt)
	}
	m := yamlLine.FindStringSubmatch(message)
	if m == nil {
		return " not YAML"
	}
	words := quoted.ReplaceAllString(m[2], "…")
	if m[1] == "" {
		return " " + words
	}
	return m[1] + ": " + words
}

// Find returns the context of that name.
func (f *File) Find(name string) (Context, error) {
	for _, c := range f.Contexts {
		if c.Name == name {
			return c, nil
		}
	}
	if len(f.Contexts) == 0 {
		return Context{}, fmt.Errorf("no context %q: there are none in %s", name, f.Path)
	}
	return Context{}, fmt.Errorf("no context %q in %s: there is %s", name, f.Path, strings.Join(f.Names(), ", "))
}

// Names are the names of the contexts, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.Contexts))
	for _, c := range f.Contexts {
		names = append(names, c.Name)
	}
	return names
}
