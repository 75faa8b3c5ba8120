//go:build unix

package contexts

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"
)

// A Change is a setting's new value; none removes it.
type Change struct {
	Setting string
	Values  []string
}

// Update reads the file, lets change change it, and writes it in one step, with its directory if that is not there. If change fails, what
// came of it is no valid file, or check, which may be nil, has something against it, nothing is written. A new file is for its owner only; one that is there keeps its mode, unless it holds a
// password: then others lose the right to read it. A link stays one.
func Update(path, home string, change, check func(f *File) error) (*File, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// The directory is locked, for the file is another one after each change.
	lock, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
	}
	f, err := Read(path, home)
	if err != nil {
		return nil, err
	}
	if err := change(f); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(&f.doc), e.Close()); err != nil {
		return nil, err
	}
	after := &File{Path: path, home: home, placeless: true}
	if err := after.parse(text.Bytes()); err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(after); err != nil {
			return nil, err
		}
	}
	return after, after.write(text.Bytes())
}

func (f *File) write(text []byte) error {
	mode := os.FileMode(0o600)
	if info, err := os.Stat(f.Path); err == nil {
		mode = info.Mode().Perm()
	}
	for _, c := range f.Contexts {
		if c.Password != "" {
			mode &= 0o600
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.Path), ".config-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // or it was renamed
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), f.Path)
}

// Use makes a context the current one; None makes none.
func (f *File) Use(name string) error {
	if name == None {
		drop(f.mapping(), "current")
		f.Current = ""
		return nil
	}
	if _, err := f.Find(name); err != nil {
		return err
	}
	put(f.mapping(), "current", scalar(name))
	f.Current = name
	return nil
}

// Set changes settings of a context, which is made if it is not there.
func (f *File) Set(name string, changes []Change) error {
	if err := ValidateName(name); err != nil {
		return err
	}
	c := child(child(f.mapping(), "contexts"), name)
	for _, ch := range changes {
		switch {
		case len(ch.Values) == 0:
			drop(c, ch.Setting)
		case ch.Setting == "endpoints":
			list := &yaml.Node{Kind: yaml.SequenceNode}
			for _, v := range ch.Values {
				list.Content = append(list.Content, scalar(v))
			}
			put(c, ch.Setting, list)
		default:
			put(c, ch.Setting, scalar(ch.Values[0]))
		}
	}
	return nil
}

// Remove removes a context, and that it is the current one.
func (f *File) Remove(name string) error {
	if _, err := f.Find(name); err != nil {
		return err
	}
	drop(child(f.mapping(), "contexts"), name)
	if f.Current == name {
		return f.Use(None)
	}
	return nil
}

// mapping is the file's root.
func (f *File) mapping() *yaml.Node {
	if len(f.doc.Content) == 0 {
		f.doc.Kind = yaml.DocumentNode
		f.doc.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!null"}}
	}
	return emptied(f.doc.Content[0])
}

// emptied makes a mapping of null.
func emptied(n *yaml.Node) *yaml.Node {
	if isNull(n) {
		n.Kind, n.Tag, n.Value, n.Style = yaml.MappingNode, "", "", 0
	}
	return n
}

func child(n *yaml.Node, name string) *yaml.Node {
	if i := index(n, name); i >= 0 {
		return emptied(n.Content[i+1])
	}
	c := &yaml.Node{Kind: yaml.MappingNode}
	put(n, name, c)
	return c
}

func index(n *yaml.Node, name string) int {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return i
		}
	}
	return -1
}

func put(n *yaml.Node, name string, value *yaml.Node) {
	if i := index(n, name); i >= 0 {
		value.LineComment, value.HeadComment, value.FootComment = n.Content[i+1].LineComment, n.Content[i+1].HeadComment, n.Content[i+1].FootComment
		n.Content[i+1] = value
		return
	}
	n.Style &^= yaml.FlowStyle
	n.Content = append(n.Content, scalar(name), value)
}

func drop(n *yaml.Node, name string) {
	if i := index(n, name); i >= 0 {
		n.Content = append(n.Content[:i], n.Content[i+2:]...)
	}
}

// scalar is a text, quoted where YAML would take it for something else.
func scalar(v string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(v)
	return n
}
