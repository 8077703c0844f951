package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says how to install the script.
func (completionCommand) Help() string {
	return "bash: source <(lienthong completion bash)\nzsh: lienthong completion zsh > \"${fpath[1]}/_lienthong\"\nfish: lienthong completion fish | source"
}

// Run prints a script made from the command tree itself.
func (c *completionCommand) Run(e *env) error {
	paths := map[string][]string{}
	collectWords(e.model.Node, "", paths)
	switch c.Shell {
	case "fish":
		writeFish(e.Stdout, paths)
	case "zsh":
		fmt.Fprintln(e.Stdout, "#compdef lienthong\nautoload -U +X bashcompinit && bashcompinit")
		writeBash(e.Stdout, paths)
	default:
		writeBash(e.Stdout, paths)
	}
	return nil
}

// collectWords maps each command path to the words that may follow it.
func collectWords(node *kong.Node, path string, paths map[string][]string) {
	var words []string
	for _, child := range node.Children {
		words = append(words, child.Name)
		collectWords(child, strings.TrimSpace(path+" "+child.Name), paths)
	}
	for _, flags := range node.AllFlags(true) {
		for _, flag := range flags {
			words = append(words, "--"+flag.Name)
		}
	}
	slices.Sort(words)
	paths[path] = slices.Compact(words)
}

// writeBash offers flags after a dash, subcommands where there are any, and
// files elsewhere.
func writeBash(w io.Writer, paths map[string][]string) {
	fmt.Fprintln(w, "_lienthong() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" words=\"\" flags=\"\" word\n"+
		"  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $word == -* ]] || path=\"${path:+$path }$word\"; done\n"+
		"  case \"$path \" in")
	for _, path := range longestFirst(paths) {
		pattern := "*"
		if path != "" {
			pattern = fmt.Sprintf("%q*", path+" ")
		}
		words, flags := split(paths[path])
		fmt.Fprintf(w, "    %s) words=%q flags=%q ;;\n", pattern, strings.Join(words, " "), strings.Join(flags, " "))
	}
	fmt.Fprintln(w, "  esac\n"+
		"  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"+
		"  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"+
		"  else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n}\ncomplete -o filenames -F _lienthong lienthong")
}

// split parts subcommands from flags.
func split(all []string) (words, flags []string) {
	for _, word := range all {
		if strings.HasPrefix(word, "--") {
			flags = append(flags, word)
		} else {
			words = append(words, word)
		}
	}
	return words, flags
}

func writeFish(w io.Writer, paths map[string][]string) {
	for _, path := range longestFirst(paths) {
		condition := "__fish_use_subcommand"
		if path != "" {
			condition = "__fish_seen_subcommand_from " + strings.ReplaceAll(path, " ", "; and __fish_seen_subcommand_from ")
		}
		words, flags := split(paths[path])
		for _, word := range words {
			fmt.Fprintf(w, "complete -c lienthong -f -n '%s' -a %s\n", condition, word)
		}
		for _, flag := range flags {
			fmt.Fprintf(w, "complete -c lienthong -n '%s' -l %s\n", condition, strings.TrimPrefix(flag, "--"))
		}
	}
}

// longestFirst orders paths so that the most special one matches first.
func longestFirst(paths map[string][]string) []string {
	list := make([]string, 0, len(paths))
	for p := range paths {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return list
}
