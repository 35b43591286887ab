// Documents writes the manual pages and the command reference to a folder: go run
// ./scripts/documents docs.
package main

import (
	"fmt"
	"os"

	"capf/commands"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: documents FOLDER")
		os.Exit(2)
	}
	if err := commands.WriteDocuments(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "documents:", err)
		os.Exit(1)
	}
}
