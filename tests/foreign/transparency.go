// What Go's own packages say of our notes and proofs, and what they make themselves.
//
//	go run transparency.go golden           known answers, as JSON
//	go run transparency.go check < cases    one line for each case: "ok" or why it is refused
//
// A case is a JSON object on a line: {"kind":"note","keys":[...],"note":"..."}, or the same with
// "kind":"record" and "index", "leaf", "path", or with "kind":"tree" and "old_size", "old_root",
// "path". Hashes are base64; size and root come from the checkpoint in the note.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type testCase struct {
	Kind    string
	Keys    []string
	Note    string
	Index   int64
	Leaf    string
	Path    []string
	OldSize int64  `json:"old_size"`
	OldRoot string `json:"old_root"`
}

func hash(text string) (tlog.Hash, error) { return tlog.ParseHash(text) }

func hashes(texts []string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, text := range texts {
		h, err := hash(text)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

func tree(text string) (int64, tlog.Hash, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return 0, tlog.Hash{}, fmt.Errorf("no checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return 0, tlog.Hash{}, fmt.Errorf("no size")
	}
	root, err := hash(lines[2])
	return size, root, err
}

func check(c testCase) error {
	var verifiers []note.Verifier
	for _, key := range c.Keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(c.Note), note.VerifierList(verifiers...))
	if err != nil || c.Kind == "note" {
		return err
	}
	size, root, err := tree(opened.Text)
	if err != nil {
		return err
	}
	path, err := hashes(c.Path)
	if err != nil {
		return err
	}
	if c.Kind == "record" {
		leaf, err := hash(c.Leaf)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(path, size, root, c.Index, leaf)
	}
	old, err := hash(c.OldRoot)
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, size, root, c.OldSize, old)
}

type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, index := range indexes {
		out = append(out, s[index])
	}
	return out, nil
}

// must is for what cannot fail here.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func digest(path []tlog.Hash) string {
	sum := sha256.New()
	for _, h := range path {
		sum.Write(h[:])
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// golden makes a key, a note under it, and trees whose n-th leaf is the text "n".
func golden() map[string]any {
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 1024)), "go.example/log")
	if err != nil {
		panic(err)
	}
	signer := must(note.NewSigner(skey))
	var store stored
	roots, records, trees := []string{}, []string{}, []string{}
	for n := int64(0); n < 100; n++ {
		store = append(store, must(tlog.StoredHashes(n, []byte(strconv.FormatInt(n, 10)), store))...)
		size := n + 1
		roots = append(roots, must(tlog.TreeHash(size, store)).String())
		var all, extensions []tlog.Hash
		for index := int64(0); index < size; index++ {
			all = append(all, must(tlog.ProveRecord(size, index, store))...)
			extensions = append(extensions, must(tlog.ProveTree(size, index+1, store))...)
		}
		records = append(records, digest(all))
		trees = append(trees, digest(extensions))
	}
	text := "go.example/log\n100\n" + roots[99] + "\n"
	signed := must(note.Sign(&note.Note{Text: text}, signer))
	return map[string]any{
		"skey": skey, "vkey": vkey, "note": string(signed), "roots": roots,
		"record_proofs": records, "tree_proofs": trees,
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "golden" {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", " ")
		encoder.Encode(golden())
		return
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		if err := check(c); err != nil {
			fmt.Println(strconv.Quote(err.Error()))
		} else {
			fmt.Println("ok")
		}
	}
}
